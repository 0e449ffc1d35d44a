/* options by pragma: numbers with units, switches, and what the driver makes of them */
#pragma D option bufsize=100000
#pragma D option aggsize=1m
#pragma D option dynvarsize=64k
#pragma D option strsize=64
#pragma D option nspec=2
#pragma D option cleanrate=50hz
#pragma D option switchrate=20hz
#pragma D option aggrate=100ms
#pragma D option statusrate=1sec
#pragma D option quiet

BEGIN { s = "string"; printf("%s\n", s); @["x"] = count(); exit(0); }
