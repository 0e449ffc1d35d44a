/* normalize() and denormalize() of counts, averages, least and greatest values */
#pragma D option quiet

BEGIN { @c["c"] = sum(1000); @a["a"] = avg(1000); @l["l"] = min(1000); @h["h"] = max(1001); exit(0); }
END
{
	normalize(@c, 7); normalize(@a, 7); normalize(@l, 7); normalize(@h, 7);
	printa(@c); printa(@a); printa(@l); printa(@h);
	denormalize(@c); denormalize(@a);
	printa(@c); printa(@a);
}
