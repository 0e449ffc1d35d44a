/* Three such strings, of which the first that faults ends the clause. */
syscall::open*: { printf("%s\n", stringof(arg2)); }
syscall::open*: { printf("%s\n", stringof(arg1)); }
syscall::open*: { printf("%s %s %s\n", stringof(arg0), stringof(arg1), stringof(arg2)); }
tick-5s { exit(0); }
