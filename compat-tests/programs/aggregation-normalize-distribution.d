/* normalize() of distributions */
#pragma D option quiet

BEGIN { @q = quantize(5, 1000); @l = lquantize(5, 0, 10, 5, 1000); exit(0); }
END { normalize(@q, 10); normalize(@l, 10); printa(@q); printa(@l); }
