/* printa() of several aggregations side by side, some of which lack a key */
#pragma D option quiet

BEGIN { @a["x"] = sum(1); @a["y"] = sum(2); @b["x"] = sum(3); @b["z"] = sum(4); @c["w"] = max(9); exit(0); }
END
{
	printa("%s %@d %@d %@d\n", @a, @b, @c);
	printa(@a, @b, @c);
	printa("%@d %s %@d\n", @b, @a);
}
