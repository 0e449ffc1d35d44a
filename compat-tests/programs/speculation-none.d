/* more speculations than there are: 0, and what is done with it */
/* normalise: cpu */

BEGIN { a = speculation(); b = speculation(); trace(a); trace(b); }
BEGIN { speculate(b); trace("into nothing"); }
BEGIN { commit(b); }
BEGIN { speculate(a); trace("kept"); }
BEGIN { commit(a); }
BEGIN { exit(0); }
