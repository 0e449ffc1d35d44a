/* quantize() by keys of two members: the order of the pictures */
#pragma D option quiet

BEGIN { @["b", 1] = quantize(5); @["a", 2] = quantize(9); @["a", 1] = quantize(9); }
BEGIN { @["b", 1] = quantize(6); @["b", 1] = quantize(7); exit(0); }
