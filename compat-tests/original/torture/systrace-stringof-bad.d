/* A string at what is no kernel address: the argument of open, which is the caller's. */
syscall::open*:entry { printf("%s %s\n", execname, stringof(arg0)); }
tick-5s { exit(0); }
