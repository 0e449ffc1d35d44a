/* printf() with an argument that its conversion is not for */
/* options: -x errtags */
BEGIN { printf("%s\n", 1); }
