/* Those of three letters, for ten seconds. */
/* needs: fbt */
fbt::a*:, fbt::b*:, fbt::c*: { calls++; @[probefunc, probename] = count(); }
tick-1s { printf("%d calls\n", calls); }
tick-10s { exit(0); }
