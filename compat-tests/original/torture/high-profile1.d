/* A fast timer that interrupts the tracing of every system call. */
tick-5000 { ticks++; }
syscall::: { calls++; @[probefunc] = count(); }
tick-1s { printf("%d ticks, %d calls\n", ticks, calls); }
tick-5s { exit(0); }
