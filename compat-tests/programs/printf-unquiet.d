/* printf() in rows: several in a clause, with and without newlines, and after trace() */
/* normalise: cpu */

BEGIN { printf("one\n"); }
BEGIN { printf("two"); printf("three\n"); }
BEGIN { trace(4); printf("five"); trace("six"); }
BEGIN { printf("\n"); exit(0); }
