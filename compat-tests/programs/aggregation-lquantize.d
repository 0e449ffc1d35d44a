/* lquantize() within its range, below and above it */
#pragma D option quiet

BEGIN { @ = lquantize(-5, 0, 100, 10); @ = lquantize(0, 0, 100, 10); @ = lquantize(9, 0, 100, 10); }
BEGIN { @ = lquantize(55, 0, 100, 10); @ = lquantize(100, 0, 100, 10); @ = lquantize(5000, 0, 100, 10); exit(0); }
