/* a clause that only speculates leaves a row */
/* normalise: cpu */

BEGIN { self->spec = speculation(); }
BEGIN { speculate(self->spec); }
BEGIN { commit(self->spec); }
BEGIN { exit(0); }
