/* assignments of all kinds, and increments before and after */
#pragma D option quiet

BEGIN
{
	a = b = 10;
	printf("%d %d\n", a, b);
	a += 5; b -= 3; printf("%d %d\n", a, b);
	a *= 2; b /= 2; printf("%d %d\n", a, b);
	a %= 7; b <<= 4; printf("%d %d\n", a, b);
	a |= 8; b >>= 1; printf("%d %d\n", a, b);
	a &= 9; b ^= 0xff; printf("%d %d\n", a, b);
	printf("%d %d %d %d\n", a++, ++a, b--, --b);
	this->c = (char)127; this->c++; printf("%d\n", this->c & 0xff);
	exit(0);
}
