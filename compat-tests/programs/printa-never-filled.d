/* printa() of an aggregation that nothing was put into */
#pragma D option quiet

BEGIN { exit(0); }
BEGIN /0/ { @a["x"] = count(); @b = sum(1); }
END { printf("before\n"); printa("%s %@d\n", @a); printa(@b); printf("after\n"); }
