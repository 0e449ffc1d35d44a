/* several aggregations that the program does not print: each of them, in the order of their first mention */
#pragma D option quiet

BEGIN { @z = count(); @a["x"] = sum(3); @ = max(9); @m[1, 2] = min(4); exit(0); }
