/* printf() with the size prefixes of C */
#pragma D option quiet

BEGIN
{
	printf("%ld %lu %lx %lo\n", 5000000000, 5000000000ul, 5000000000ul, 5000000000ul);
	printf("%lld %llu %llx %llo\n", -5000000000ll, 5000000000ull, 5000000000ll, 5000000000ull);
	printf("%hd %hu %hx\n", (short)5, (unsigned short)5, (unsigned short)255);
	exit(0);
}
