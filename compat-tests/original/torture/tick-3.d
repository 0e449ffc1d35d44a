/* No timer fires after exit(). */
tick-5s { done = 1; exit(0); }
tick-1ms, tick-5000 /done/ { printf("a timer after the end\n"); }
tick-1ms { n++; }
END { printf("%d firings\n", n); }
