/* quantize() with a second argument: what each value counts for */
#pragma D option quiet

BEGIN { @ = quantize(1, 10); @ = quantize(2, 30); @ = quantize(4, 60); @ = quantize(8, 0); exit(0); }
