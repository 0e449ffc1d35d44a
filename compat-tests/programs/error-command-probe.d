/* a probe that there is not, on the command line */
/* command: -n nosuch:::probe */
