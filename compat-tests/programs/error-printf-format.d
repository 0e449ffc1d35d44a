/* printf() with a format that is no constant */
/* options: -x errtags */
BEGIN { x = "%d"; printf(x, 1); }
