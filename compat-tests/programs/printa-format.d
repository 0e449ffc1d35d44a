/* printa() with widths, flags and positions for keys and values */
#pragma D option quiet

BEGIN { @["key", 42, -7] = sum(1000); @["other key", 43, -8] = sum(20); exit(0); }
END
{
	printa("[%s] [%d] [%d] [%@d]\n", @);
	printa("[%-12s] [%5d] [%+d] [%@8d]\n", @);
	printa("[%12s] [%x] [%d] [%-@8d]\n", @);
	printa("%@d first, then %s\n", @);
	printa("%@x %@o %@u %@d\n", @);
	printa("no conversion\n", @);
}
