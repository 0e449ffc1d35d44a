/* what is said of how many probes matched: in words, for each program */
/* command: -n BEGIN -n 'BEGIN, END { exit(0); }' -n tick-1s */
/* normalise: cpu */
