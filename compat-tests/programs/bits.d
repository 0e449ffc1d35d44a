/* bitwise operators and shifts, of signed and unsigned values */
#pragma D option quiet

BEGIN
{
	a = 0xf0; b = -16;
	printf("%x %x %x %x\n", a & 0x3c, a | 0x0f, a ^ 0xff, ~a);
	printf("%d %d %d %x\n", a << 4, a >> 4, b >> 2, (uint32_t)b >> 28);
	printf("%x %x %d\n", 1 << 31, 1L << 40, b << 2);
	exit(0);
}
