/* a structure and a variable declared twice */
/* options: -x errtags */
int x;
string x;
BEGIN { exit(0); }
