/* printf() with a conversion that there is not */
/* options: -x errtags */
BEGIN { printf("%q\n", 1); }
