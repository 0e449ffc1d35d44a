/* a fault in ERROR itself */
/* normalise: offset */
#pragma D option quiet

BEGIN { trace(*(int *)0); }
ERROR { printf("error\n"); trace(*(int *)8); }
BEGIN { exit(0); }
