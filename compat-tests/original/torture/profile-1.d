/* A fast timer beside a slow one: how many firings are lost. */
tick-1ms { ms++; }
tick-1s { s++; printf("%d s, %d ms\n", s, ms); }
tick-5s { exit(0); }
