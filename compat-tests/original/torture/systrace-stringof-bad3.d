/* Strings at the first three arguments of every system call: all the values that there are. */
syscall::: { printf("%s %s\n", probefunc, stringof(arg0)); }
syscall::: { printf("%s %s\n", probefunc, stringof(arg1)); }
syscall::: { printf("%s %s\n", probefunc, stringof(arg2)); }
tick-5s { exit(0); }
