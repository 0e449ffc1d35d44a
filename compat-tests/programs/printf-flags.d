/* printf() with widths, precisions and flags */
#pragma D option quiet

BEGIN
{
	printf("[%5d] [%-5d] [%05d] [%+d] [% d]\n", 42, 42, 42, 42, 42);
	printf("[%5d] [%-5d] [%05d] [%+d] [% d]\n", -42, -42, -42, -42, -42);
	printf("[%#x] [%#o] [%#X] [%8.4d] [%-8.4d] [%.0d]\n", 255, 255, 255, 42, 42, 0);
	printf("[%+5d] [%-+5d] [%+05d] [%x] [%08x] [%#010x]\n", 7, 7, 7, 48879, 48879, 48879);
	printf("[%1d] [%2d] [%20d]\n", 12345, 12345, 12345);
	printf("[%*d] [%-*d] [%.*d] [%*.*d]\n", 6, 1, 6, 2, 4, 3, 8, 5, 4);
	exit(0);
}
