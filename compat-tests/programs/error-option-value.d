/* an option with a value that it cannot have */
/* options: -x errtags */
#pragma D option bufsize=big
BEGIN { exit(0); }
