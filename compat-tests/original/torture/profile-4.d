/* The timers while many functions are traced. */
/* needs: fbt */
tick-1ms { ms++; }
fbt::a*: { calls++; }
tick-1s { s++; printf("%d s, %d ms, %d calls\n", s, ms, calls); }
tick-5s { exit(0); }
