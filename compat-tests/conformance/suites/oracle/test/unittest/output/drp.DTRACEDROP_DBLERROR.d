#pragma D option quiet
BEGIN { zero = 0; trace(1 / zero); }
ERROR { trace(1 / zero); }
tick-100ms { exit(0); }
