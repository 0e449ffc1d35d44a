/* two speculations at once: one kept, one dropped, and none for a third */
#pragma D option nspec=2
#pragma D option quiet
BEGIN { s = speculation(); t = speculation(); printf("%d %d %d\n", s, t, speculation()); }
BEGIN { speculate(s); printf("spec s\n"); }
BEGIN { speculate(t); printf("spec t\n"); }
BEGIN { discard(t); }
BEGIN { commit(s); }
tick-200ms { exit(0); }
END { printf("end\n"); }
