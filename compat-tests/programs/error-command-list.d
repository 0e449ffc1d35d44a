/* -l with a probe that there is not */
/* command: -l -n nosuch -n BEGIN */
