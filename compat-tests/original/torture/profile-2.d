/* The fastest timer beside a slow one. */
tick-5000 { n++; }
tick-1s { s++; printf("%d s, %d firings\n", s, n); }
tick-5s { exit(0); }
