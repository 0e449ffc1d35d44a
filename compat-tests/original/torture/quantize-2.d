/* The same in equal steps. */
syscall:::entry { self->t = timestamp; }
syscall:::return /self->t/ { @[probefunc] = lquantize((timestamp - self->t) / 1000, 0, 1000, 100); self->t = 0; }
tick-5s { exit(0); }
