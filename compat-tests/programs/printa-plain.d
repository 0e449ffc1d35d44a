/* printa() without a format, once and again */
#pragma D option quiet

BEGIN { @a["x"] = sum(1); @b["y", 2] = sum(2); @c = sum(3); exit(0); }
END { printa(@a); printa(@b); printa(@c); printa(@a); }
