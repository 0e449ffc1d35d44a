/* a script that is not there */
/* command: -s nosuch.d */
