/* a load from address 0: ERROR, what it is told, and the message */
/* normalise: cpu offset */

BEGIN { printf("before\n"); trace(*(int *)0); printf("not after\n"); }
BEGIN { printf("next clause\n"); }
ERROR { printf("epid %d action %d fault %d value %d\n", arg1, arg2, arg4, arg5); }
BEGIN { exit(0); }
