/* a fault in a key and in a value: what was aggregated before stays */
/* normalise: offset */
#pragma D option quiet

BEGIN { @["good"] = sum(1); @[stringof((char *)0)] = sum(2); @["after"] = sum(3); }
BEGIN { @["good"] = sum(*(int *)0); }
BEGIN { exit(0); }
