/* printf() of times */
#pragma D option quiet

BEGIN { printf("[%Y]\n", 0LL); printf("[%Y] [%T]\n", 1000000000000000000LL, 1234567890123456789LL); printf("[%-30Y] [%30Y]\n", 86400000000000LL, 86400000000000LL); exit(0); }
