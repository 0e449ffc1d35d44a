/* system() and freopen(): what they do to the output */
/* options: -w */
#pragma D option quiet

BEGIN { printf("one\n"); system("echo %s %d", "two", 2); printf("three\n"); }
BEGIN { freopen("/dev/null"); printf("into nothing\n"); freopen(""); printf("four\n"); exit(0); }
