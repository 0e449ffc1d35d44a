/* lquantize() without a step, with one that does not divide the range, and with a negative range */
#pragma D option quiet

BEGIN { @one["no step"] = lquantize(3, 1, 6); @two["uneven"] = lquantize(9, 0, 10, 3); }
BEGIN { @three["negative"] = lquantize(-7, -10, 0, 2); @three["negative"] = lquantize(-1, -10, 0, 2); exit(0); }
