/* Every function whose name begins with a, for five seconds. */
/* needs: fbt */
fbt::a*: { calls++; @[probefunc] = count(); }
tick-5s { printf("%d calls\n", calls); exit(0); }
