/* exit() in END, and statuses beyond a byte */
#pragma D option quiet

BEGIN { exit(300); }
END { printf("end\n"); exit(259); }
