/* -x aggsortrev: the other way round, by value and then by key */
#pragma D option quiet
#pragma D option aggsortrev

BEGIN { @t["b"] = sum(2); @t["a"] = sum(2); @t["c"] = sum(1); @n[10] = sum(5); @n[9] = sum(6); exit(0); }
