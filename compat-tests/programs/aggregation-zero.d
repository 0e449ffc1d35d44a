/* values of zero: counted keys that were cleared, and sums that come to nothing */
#pragma D option quiet

BEGIN { @c["a"] = count(); @c["b"] = count(); @s["c"] = sum(0); @q["d"] = quantize(1, 0); }
BEGIN { exit(0); }
END { clear(@c); printa(@c); printa(@s); printa(@q); }
