/* quantize() of values at either end, but for the last bucket */
#pragma D option quiet

BEGIN { @["greatest"] = quantize(0x3fffffffffffffff); exit(0); }
BEGIN { @["least"] = quantize(-0x7fffffffffffffff - 1); }
