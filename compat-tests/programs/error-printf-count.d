/* printf() with too few arguments */
/* options: -x errtags */
BEGIN { printf("%d %d\n", 1); }
