/* an error in a program on the command line */
/* command: -x errtags -n 'BEGIN { trace(nosuch); }' */
