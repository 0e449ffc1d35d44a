/* a pragma for an option that there is not */
/* options: -x errtags */
#pragma D option nosuch
BEGIN { exit(0); }
