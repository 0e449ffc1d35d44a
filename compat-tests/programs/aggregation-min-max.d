/* min() and max() of signed values, each under two keys */
#pragma D option quiet

BEGIN { @low["a"] = min(5); @high["a"] = max(5); @low["b"] = min(-1); @high["b"] = max(-1); }
BEGIN { @low["a"] = min(-5); @high["a"] = max(-5); @low["b"] = min(-2); @high["b"] = max(-2); }
BEGIN { @low["a"] = min(9); @high["a"] = max(9); exit(0); }
END { printa("low %s %@d\n", @low); printa("high %s %@d\n", @high); }
