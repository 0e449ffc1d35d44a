/* what is no escape in D keeps its backslash: \' and \?, so that '\'' is two characters */
#pragma D option quiet

BEGIN { printf("[\'] [\?] %d\n", '\''); exit(0); }
