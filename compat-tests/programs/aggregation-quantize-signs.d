/* quantize() with counts of both signs: bars to either side */
#pragma D option quiet

BEGIN { @ = quantize(1, -10); @ = quantize(2, 30); @ = quantize(4, -60); exit(0); }
