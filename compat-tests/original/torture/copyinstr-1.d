/* What is opened; openat has the path in another place, so the loads fail now and then. */
syscall::open*:entry { printf("%s %s\n", execname, copyinstr(probefunc == "open" ? arg0 : arg1)); }
syscall::open*:entry { printf("%s\n", copyinstr(arg0)); }
tick-5s { exit(0); }
