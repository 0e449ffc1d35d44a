/* -o: where the output goes, and that it is appended */
/* command: -q -o out -n 'BEGIN { printf("to the file\n"); exit(0); }' */
/* show: out */
