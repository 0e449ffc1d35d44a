/* avg(): division is towards zero, and of values of either sign */
#pragma D option quiet

BEGIN { @["up"] = avg(1); @["down"] = avg(-1); @["even"] = avg(10); @["mixed"] = avg(-10); }
BEGIN { @["up"] = avg(2); @["down"] = avg(-2); @["even"] = avg(20); @["mixed"] = avg(3); exit(0); }
