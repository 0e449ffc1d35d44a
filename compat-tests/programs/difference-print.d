/* print() of enumerated values and of negative characters */
/* differs: the original names the first enumerator whatever the value, and extends the sign of a character before it shows its bits */
#pragma D option quiet

enum colour { RED, GREEN = 7 };
BEGIN { print((enum colour)7); print((char)-1); exit(0); }
