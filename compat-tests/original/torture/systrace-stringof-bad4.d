/* The same probes without a load: what the others are to be compared with. */
syscall::: { calls++; }
syscall::: { @[probefunc] = count(); }
tick-5s { printf("%d calls\n", calls); exit(0); }
