/* How long it takes to enable and disable the functions that begin with a. */
/* needs: fbt */
BEGIN { printf("%d\n", timestamp); }
fbt::a*: { n++; }
tick-1ms { exit(0); }
