/* stddev() of equal, spread and large values */
#pragma D option quiet

BEGIN { @["equal"] = stddev(4); @["spread"] = stddev(10); @["large"] = stddev(1000000); @["negative"] = stddev(-100); }
BEGIN { @["equal"] = stddev(4); @["spread"] = stddev(20); @["large"] = stddev(3000000); @["negative"] = stddev(100); }
BEGIN { @["equal"] = stddev(4); @["spread"] = stddev(60); @["large"] = stddev(8000000); @["negative"] = stddev(0); exit(0); }
