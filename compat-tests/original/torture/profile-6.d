/* A hundred clauses of a fast timer are taken away while it fires. */
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; } tick-1ms { n++; }
tick-5s { printf("%d firings\n", n); exit(0); }
