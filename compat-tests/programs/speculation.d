/* speculations: committed, discarded, and left alone */
#pragma D option quiet
#pragma D option nspec=3

BEGIN { a = speculation(); b = speculation(); c = speculation(); printf("%d %d %d\n", a, b, c); }
BEGIN { speculate(a); printf("committed\n"); }
BEGIN { speculate(b); printf("discarded\n"); }
BEGIN { speculate(c); printf("left\n"); }
BEGIN { commit(a); discard(b); }
BEGIN { exit(0); }
