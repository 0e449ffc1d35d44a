/* what a firing says of its probe */
#pragma D option quiet

BEGIN, END { printf("[%s] [%s] [%s] [%s] %d %d\n", probeprov, probemod, probefunc, probename, id, epid); }
BEGIN { printf("%d\n", epid); exit(0); }
