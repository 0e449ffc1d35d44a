/* -x aggsortkey: order by key */
#pragma D option quiet
#pragma D option aggsortkey

BEGIN { @t["b"] = sum(1); @t["a"] = sum(3); @t["c"] = sum(2); @n[10] = sum(1); @n[9] = sum(2); @n[-1] = sum(3); exit(0); }
