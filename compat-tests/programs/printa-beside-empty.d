/* printa() of an aggregation beside others that nothing was put into: they are shown empty, as what they are */
#pragma D option quiet

BEGIN /0/ { @distribution[1] = lquantize(0, 0, 3, 1); @average[1] = avg(0); }
BEGIN { @count[1] = count(); exit(0); }
END { printa("%d %@d %@d %@d\n", @count, @average, @distribution); }
