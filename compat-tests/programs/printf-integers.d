/* printf() of integers of every width in every base */
#pragma D option quiet

BEGIN
{
	printf("%d %i %u %o %x %X\n", 255, 255, 255, 255, 255, 255);
	printf("%d %i %u %o %x %X\n", -1, -1, -1, -1, -1, -1);
	printf("%d %d\n", (int)-1, (long)-1);
	printf("%d %d %d %d\n", (unsigned char)-1, (unsigned short)-1, (unsigned int)-1, 0xffffffffffffffff);
	printf("%u %u %u %u\n", (char)-1, (short)-1, (int)-1, (long)-1);
	printf("%x %x %x %x\n", (char)-1, (short)-1, (int)-1, (long)-1);
	printf("%o %o %o %o\n", (char)-1, (short)-1, (int)-1, (long)-1);
	printf("%d %x\n", 0, 0);
	printf("%d %d\n", 0x7fffffffffffffff, -0x7fffffffffffffff);
	exit(0);
}
