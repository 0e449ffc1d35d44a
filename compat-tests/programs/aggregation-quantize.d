/* quantize(): powers of two, their neighbours, and what surrounds the first and last bucket */
#pragma D option quiet

BEGIN { @ = quantize(1); @ = quantize(2); @ = quantize(3); @ = quantize(4); @ = quantize(7); @ = quantize(8); }
BEGIN { @ = quantize(100); @ = quantize(100); @ = quantize(100); exit(0); }
