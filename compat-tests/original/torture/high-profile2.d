/* The fast timer alone. */
tick-5000 { ticks++; }
tick-1s { printf("%d ticks\n", ticks); }
tick-5s { exit(0); }
