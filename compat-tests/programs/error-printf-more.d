/* printf() with too many arguments */
/* options: -x errtags */
BEGIN { printf("%d\n", 1, 2); }
