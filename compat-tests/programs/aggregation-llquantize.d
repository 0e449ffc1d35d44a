/* llquantize() over several magnitudes */
#pragma D option quiet

BEGIN { @ = llquantize(0, 10, 0, 4, 10); @ = llquantize(5, 10, 0, 4, 10); @ = llquantize(57, 10, 0, 4, 10); }
BEGIN { @ = llquantize(999, 10, 0, 4, 10); @ = llquantize(12345, 10, 0, 4, 10); @ = llquantize(123456, 10, 0, 4, 10); exit(0); }
