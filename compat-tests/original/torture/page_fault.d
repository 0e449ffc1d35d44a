/* The functions of the page fault itself. */
/* needs: fbt */
fbt::*page_fault*: { @[probefunc, probename] = count(); }
tick-5s { exit(0); }
