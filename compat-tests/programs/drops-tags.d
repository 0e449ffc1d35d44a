/* drops with their tags */
/* normalise: cpu */
/* options: -x droptags */
#pragma D option quiet

BEGIN { zero = 0; }
BEGIN { trace(1 / zero); }
ERROR { trace(1 / zero); }
END { }
tick-200ms { exit(0); }
