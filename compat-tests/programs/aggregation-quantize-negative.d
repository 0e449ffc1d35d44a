/* quantize() of zero and of values below it */
#pragma D option quiet

BEGIN { @ = quantize(0); @ = quantize(-1); @ = quantize(-2); @ = quantize(-5); @ = quantize(-64); @ = quantize(3); }
BEGIN { @ = quantize(0); @only["below"] = quantize(-3); @zero["zero"] = quantize(0); exit(0); }
