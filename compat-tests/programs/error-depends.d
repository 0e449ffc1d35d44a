/* a library that depends on what is not there */
/* options: -x errtags */
#pragma D depends_on provider nosuch
BEGIN { exit(0); }
