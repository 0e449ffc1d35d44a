/* a speculation that is too small: its drops */
#pragma D option quiet
#pragma D option specsize=300
#pragma D option strsize=256

BEGIN { a = speculation(); }
BEGIN { speculate(a); trace("first"); }
BEGIN { speculate(a); trace("second"); }
BEGIN { commit(a); }
BEGIN { printf("\n"); exit(0); }
