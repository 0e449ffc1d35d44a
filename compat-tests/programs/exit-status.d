/* exit(): the status; its clause goes on to its end, and no other of BEGIN begins */
#pragma D option quiet

BEGIN { printf("before\n"); exit(3); printf("after\n"); }
BEGIN { printf("next clause\n"); }
END { printf("end\n"); }
