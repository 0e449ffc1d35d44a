/* division by zero and remainder */
/* normalise: offset */
#pragma D option quiet

BEGIN { zero = 0; }
BEGIN { trace(1 / zero); }
BEGIN { trace(1 % zero); }
BEGIN { this->u = (uint64_t)5; trace(this->u / zero); }
ERROR { printf("fault %d\n", arg4); }
BEGIN { exit(0); }
