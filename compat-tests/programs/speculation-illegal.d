/* ending speculations that there cannot be is a fault; recording to them is nothing, and 0 is none */
/* normalise: cpu offset */
#pragma D option quiet
#pragma D option nspec=2

BEGIN { commit(0); }
BEGIN { commit(3); }
BEGIN { discard(-1); }
BEGIN { speculate(1024); printf("lost\n"); }
BEGIN { printf("end\n"); exit(0); }
