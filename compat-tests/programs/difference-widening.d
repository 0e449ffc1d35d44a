/* negative values cast to wider unsigned types */
/* differs: C extends the sign, and so does this compiler; the original's fills with zeros */
#pragma D option quiet

BEGIN
{
	b = -16;
	printf("%x %x\n", (uint64_t)-1, (uint64_t)b >> 60);
	printf("%u %d\n", (unsigned long)-1, (unsigned int)(char)255 > 255);
	exit(0);
}
