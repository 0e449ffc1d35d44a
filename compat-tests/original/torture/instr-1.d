/* Instructions, which the original steps over one by one. */
/* needs: instr */
instr::a*-j*: { @[probefunc] = count(); }
tick-5s { exit(0); }
