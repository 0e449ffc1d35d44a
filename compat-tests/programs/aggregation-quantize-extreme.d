/* quantize() of values at either end, but for the last bucket */
#pragma D option quiet

BEGIN { @["greatest"] = quantize(0x3fffffffffffffff); }
BEGIN { @["least"] = quantize(-0x7fffffffffffffff - 1); exit(0); }
