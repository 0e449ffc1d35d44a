/* -x aggsortpos: by which of several aggregations is sorted */
#pragma D option quiet
#pragma D option aggsortpos=1

BEGIN { @a["x"] = sum(1); @a["y"] = sum(2); @a["z"] = sum(3); @b["x"] = sum(30); @b["y"] = sum(10); @b["z"] = sum(20); exit(0); }
END { printa("%s %@d %@d\n", @a, @b); }
