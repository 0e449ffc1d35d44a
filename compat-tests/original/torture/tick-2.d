/* Timers of several intervals at once, with the time between the firings of one. */
BEGIN { last = timestamp; }
tick-1ms { a++; } tick-2ms { b++; } tick-3ms { c++; } tick-5ms { d++; } tick-10ms { e++; } tick-100ms { f++; }
tick-10ms { @ = quantize(timestamp - last); }
tick-10ms { last = timestamp; }
tick-1s { printf("%d %d %d %d %d %d\n", a, b, c, d, e, f); }
tick-5s { exit(0); }
