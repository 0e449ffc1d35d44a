/* an argument that nobody uses */
/* options: -x errtags */
/* arguments: unused */
BEGIN { exit(0); }
