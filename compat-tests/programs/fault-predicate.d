/* a fault in a predicate: the clause does not run */
/* normalise: offset */
#pragma D option quiet

BEGIN /(*(int *)0) == 1/ { printf("not reached\n"); }
BEGIN { printf("next\n"); exit(0); }
