/* The probes of input and output do no harm. */
/* needs: io */
io::: { @[probename] = count(); printf("%s %d\n", execname, pid); }
tick-5s { exit(0); }
