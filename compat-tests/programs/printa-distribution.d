/* printa() of distributions with a format */
#pragma D option quiet

BEGIN { @q["x"] = quantize(3); @l["x"] = lquantize(3, 0, 9, 3); @n["x"] = llquantize(30, 10, 0, 2, 10); exit(0); }
END { printa("quantize %s: %@d\n", @q); printa("lquantize %s:\n%@d\n", @l); printa("llquantize %s:%@d", @n); }
