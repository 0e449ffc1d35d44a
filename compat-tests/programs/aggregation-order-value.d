/* order by value: equal values by key, keys as numbers and as text */
#pragma D option quiet

BEGIN { @t["b"] = sum(2); @t["a"] = sum(2); @t["c"] = sum(1); @n[10] = sum(5); @n[9] = sum(5); @n[-1] = sum(5); exit(0); }
