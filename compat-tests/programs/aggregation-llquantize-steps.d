/* llquantize() with more steps than its factor, and from a magnitude above zero */
#pragma D option quiet

BEGIN { @a["steps"] = llquantize(123, 10, 0, 3, 20); @a["steps"] = llquantize(127, 10, 0, 3, 20); }
BEGIN { @b["from 2"] = llquantize(7, 2, 2, 6, 4); @b["from 2"] = llquantize(33, 2, 2, 6, 4); exit(0); }
