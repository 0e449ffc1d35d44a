/* clear(): the keys stay, the values go, and counting goes on */
#pragma D option quiet
#pragma D option aggrate=1ms
#pragma D option switchrate=1ms

int n;
BEGIN { @["kept"] = sum(5); @q["kept"] = quantize(5); }
profile:::tick-100ms /n == 0/ { printa("%s %@d\n", @); clear(@); clear(@q); }
profile:::tick-100ms /n == 2/ { printa("%s %@d\n", @); }
profile:::tick-100ms /n == 3/ { @["new"] = sum(7); }
profile:::tick-100ms /n == 5/ { printa("%s %@d\n", @); printa(@q); exit(0); }
profile:::tick-100ms { n++; }
