/* printa() in rows with CPU and probe */
/* normalise: cpu */

BEGIN { @["x"] = sum(1); @["y"] = sum(2); exit(0); }
END { printa(@); printa("%s %@d\n", @); printf("printed\n"); }
