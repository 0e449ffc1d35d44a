/* an option that there is not, on the command line */
/* command: -x nosuch -n BEGIN */
