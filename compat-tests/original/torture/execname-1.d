/* Who opens. */
syscall::open*:entry { printf("%s\n", execname); @[execname] = count(); }
tick-5s { exit(0); }
