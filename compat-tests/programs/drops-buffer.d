/* a buffer that is too small: records and drops together are the firings */
/* options: -b 128 */
/* normalise: cpu */
#pragma D option quiet

BEGIN { printf("%d ", 1); } BEGIN { printf("%d ", 2); } BEGIN { printf("%d ", 3); } BEGIN { printf("%d ", 4); }
BEGIN { printf("%d ", 5); } BEGIN { printf("%d ", 6); } BEGIN { printf("%d ", 7); } BEGIN { printf("%d ", 8); }
BEGIN { printf("%d ", 9); } BEGIN { printf("%d ", 10); } BEGIN { printf("%d ", 11); } BEGIN { printf("%d ", 12); }
BEGIN { printf("%d ", 13); } BEGIN { printf("%d ", 14); } BEGIN { printf("%d ", 15); } BEGIN { printf("%d ", 16); }
BEGIN { printf("%d ", 17); } BEGIN { printf("%d ", 18); } BEGIN { printf("%d ", 19); } BEGIN { printf("%d ", 20); }
tick-50ms { exit(0); }
