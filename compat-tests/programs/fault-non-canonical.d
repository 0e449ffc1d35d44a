/* loads from addresses that no processor has, through pointers of every width */
/* normalise: offset */
#pragma D option quiet

BEGIN { trace(*(char *)0x800000000000); }
BEGIN { trace(*(long *)0xdeadbeefdeadbeef); }
BEGIN { printf("%s\n", stringof((char *)0x1234)); }
BEGIN { this->s = strlen((string)0xffffffffffffff00); }
ERROR { printf("fault %d at %x\n", arg4, arg5); }
BEGIN { exit(0); }
