/* print() of integers, pointers and enumerations */
#pragma D option quiet

enum colour { RED, GREEN = 7 };
BEGIN { print(42); print((char)65); print((uint64_t)5000000000); print((enum colour)0); print((int *)4096); exit(0); }
