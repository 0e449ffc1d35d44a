/* programs on the command line: -n, -P, -m and -f with clauses */
/* command: -q -n 'BEGIN { printf("one\n"); }' -n 'dtrace:::BEGIN { printf("two\n"); }' -P dtrace'/probename == "BEGIN"/ { printf("three\n"); exit(0); }' */
