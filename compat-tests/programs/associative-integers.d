/* associative arrays by integers: what is not there is 0, what becomes 0 is gone */
#pragma D option quiet

BEGIN { a[1] = 10; a[-1] = 20; a[5000000000] = 30; }
BEGIN { printf("%d %d %d %d\n", a[1], a[-1], a[5000000000], a[2]); a[1] = 0; a[-1]++; a[7] += 5; }
BEGIN { printf("%d %d %d\n", a[1], a[-1], a[7]); exit(0); }
