/* logical operators, the conditional and the comma: what is evaluated and what is not */
#pragma D option quiet

BEGIN
{
	a = 1; zero = 0;
	printf("%d %d %d %d\n", a && 0, a && 2, zero || 0, zero || 5);
	printf("%d %d %d\n", a ^^ 1, a ^^ 0, zero ^^ 0);
	printf("%d %d\n", zero && 1 / zero, a || 1 / zero);
	printf("%d %s %d\n", a ? 10 : 20, zero ? "yes" : "no", a ? zero ? 1 : 2 : 3);
	b = (a = 5, a + 1);
	printf("%d %d\n", a, b);
	exit(0);
}
