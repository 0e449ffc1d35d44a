/* order of aggregations by options of the program */
#pragma D option quiet
#pragma D option aggsortkey
#pragma D option aggsortrev=1
BEGIN { @["b"] = sum(1); @["a"] = sum(5); @["c"] = sum(3); printa("%s %@d\n", @); exit(0); }
END { printa(@); }
