/* a process number that is none */
/* command: -p x -n BEGIN */
