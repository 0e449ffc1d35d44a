/* functions and extern objects of C take no name away */
#pragma D option quiet

int strlen(char *);
extern int pid;
extern void *absent;
int printer(const char *, ...);
BEGIN { printer = strlen("four"); printf("%d %d\n", printer, pid == $pid); exit(0); }
