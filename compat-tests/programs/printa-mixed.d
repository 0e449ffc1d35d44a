/* printa() of a sum beside a distribution */
#pragma D option quiet

BEGIN { @s["x"] = sum(3); @q["x"] = quantize(3); @s["y"] = sum(4); exit(0); }
END { printa("%s %@d %@d\n", @s, @q); printa(@s, @q); }
