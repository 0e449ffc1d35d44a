/* arithmetic: precedence, signs, division towards zero, overflow */
#pragma D option quiet

BEGIN
{
	a = 7; b = -3;
	printf("%d %d %d %d %d\n", a + b, a - b, a * b, a / b, a % b);
	printf("%d %d %d %d\n", -a / 2, -a % 2, a / -2, a % -2);
	printf("%d %d %d\n", 2 + 3 * 4, (2 + 3) * 4, 20 - 5 - 3);
	printf("%d %d %d\n", -a, +a, - -a);
	printf("%d %d\n", 0x7fffffff + 1, (int)(0x7fffffff + a));
	printf("%d %d\n", a * 1000000000, (long)a * 1000000000 * 1000000000);
	exit(0);
}
