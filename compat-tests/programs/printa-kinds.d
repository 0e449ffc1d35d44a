/* printa() of averages and deviations with conversions of the value */
#pragma D option quiet

BEGIN { @a[1] = avg(7); @d[1] = stddev(7); @c[1] = count(); @l[1] = min(-7); @h[1] = max(7); }
BEGIN { @a[1] = avg(8); @d[1] = stddev(17); @c[1] = count(); exit(0); }
END { printa("%d %@d %@d %@d %@d %@d\n", @a, @d, @c, @l, @h); printa("%@x|%@8d|%@-8d|\n", @a, @c, @h); }
