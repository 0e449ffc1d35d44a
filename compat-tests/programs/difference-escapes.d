/* the escapes \' and \? */
/* differs: the original leaves the backslash where it is, and '\'' is two characters to it */
#pragma D option quiet

BEGIN { printf("[\'] [\?] %d\n", '\''); exit(0); }
