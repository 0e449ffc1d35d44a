/* Nor do those of memory. */
/* needs: vminfo */
vminfo::: { @[probename, execname] = count(); }
tick-5s { exit(0); }
