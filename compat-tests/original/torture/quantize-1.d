/* How long each system call takes, in powers of two: a thread's own variable, set and freed all the time. */
syscall:::entry { self->t = timestamp; }
syscall:::return /self->t/ { @[probefunc] = quantize(timestamp - self->t); self->t = 0; }
tick-5s { exit(0); }
