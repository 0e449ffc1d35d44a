/* a pragma that there is not, and one that is wrong */
/* options: -x errtags */
#pragma D nosuch
BEGIN { exit(0); }
