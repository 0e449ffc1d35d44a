/* comparison of signed and unsigned integers, and what it is worth */
#pragma D option quiet

BEGIN
{
	a = 1; b = -1; this->u = (uint64_t)-1; this->v = (uint32_t)-1;
	printf("%d %d %d %d %d %d\n", a < 2, a <= 1, a > 2, a >= 1, a == 1, a != 1);
	printf("%d %d %d\n", b < a, this->u > 1, this->v > 1);
	printf("%d %d\n", b == -1, this->v == 0xffffffff);
	printf("%d %d %d\n", (a < 2) + (a < 3), !a, !!a);
	exit(0);
}
