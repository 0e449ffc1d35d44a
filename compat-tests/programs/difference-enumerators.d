/* negative enumerators */
/* differs: an enumerator is an int; the original makes it an unsigned one when it prints it */
#pragma D option quiet

enum state { FAILED = -1, AGAIN };
BEGIN { printf("%d %d %d\n", FAILED, AGAIN, FAILED < AGAIN); exit(0); }
