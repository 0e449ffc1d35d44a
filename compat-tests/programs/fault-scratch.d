/* more scratch memory than there is */
/* normalise: offset */
#pragma D option quiet
#pragma D option bufsize=16k

BEGIN { this->p = alloca(1048576); printf("not reached\n"); }
BEGIN { printf("%s\n", this->p == NULL ? "none" : "some"); }
ERROR { printf("fault %d\n", arg4); }
BEGIN { exit(0); }
