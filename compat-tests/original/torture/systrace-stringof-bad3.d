/* Strings at the first three arguments of every system call: all the values that there are. */
/* options: -b 32k */
/* Every firing is an error, and the userland that prints them all is slow: it gets as many as these buffers hold. */
syscall::: { printf("%s %s\n", probefunc, stringof(arg0)); }
syscall::: { printf("%s %s\n", probefunc, stringof(arg1)); }
syscall::: { printf("%s %s\n", probefunc, stringof(arg2)); }
tick-5s { exit(0); }
