/* exit(): the status, and that nothing after it is lost */
#pragma D option quiet

BEGIN { printf("before\n"); exit(3); printf("after\n"); }
BEGIN { printf("next clause\n"); }
END { printf("end\n"); }
