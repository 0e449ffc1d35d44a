/* Fast timers, and a profile on every processor. */
tick-1ms { ms++; }
tick-5000 { n++; }
profile-4999 { @[pid] = count(); }
tick-1s { printf("%d ms, %d firings\n", ms, n); }
tick-5s { exit(0); }
