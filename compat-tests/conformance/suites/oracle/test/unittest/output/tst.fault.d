/* A fault is the same in the words of both engines. */
#pragma D option quiet
BEGIN { zero = 0; }
BEGIN { trace(1 / zero); }
ERROR { exit(0); }
