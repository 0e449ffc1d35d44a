/* an option with a wrong value, on the command line */
/* command: -b 10q -n BEGIN */
