/* A thousand milliseconds in a second: prints how many there were. */
tick-1ms { n++; }
tick-1s { printf("%d in a second\n", n); n = 0; }
tick-5s { exit(0); }
