/* printf() of enumerators and of values of enumerated types */
#pragma D option quiet

enum colour { RED, GREEN = 7, BLUE };
BEGIN { printf("%d %d %d %s\n", RED, GREEN, (enum colour)BLUE, GREEN == 7 ? "seven" : "other"); exit(0); }
