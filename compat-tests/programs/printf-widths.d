/* widths, precisions and flags together */
#pragma D option quiet

BEGIN
{
	printf("%10s|%-10s|%.2s|%*s|%-*s|\n", "r", "l", "cut", 4, "st", 4, "st");
	printf("%5.3d|%+d|% d|%#x|%#o|%05d|%-5d|\n", 7, 7, 7, 255, 8, -42, -42);
	printf("%hd %ld %lld %lu %llx\n", (short)1, 3L, 4LL, 5UL, 6ULL);
	printf("%c%c%c|%%|%5c|\n", 'a', 66, 0x43, 'd');
	printf("%Y|%T\n", 1000000000000000000, 1000000000000000000);
	exit(0);
}
