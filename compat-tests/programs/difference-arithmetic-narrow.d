/* C's promotions: what is narrower than int is an int to every operator */
/* differs: the original keeps the type of two operands that have the same narrow one */
#pragma D option quiet

char c;
short s;
unsigned char C;
unsigned short S;

BEGIN
{
	c = 127; s = 32767; C = 255; S = 65535;
	printf("%d %d %d %d\n", c + c, s + s, C + C, S + S);
	printf("%d %d %d %d\n", c + C, s * s, C << 8, c + 1);
	printf("%d %d %d\n", C - S, -C, ~C);
	printf("%d %d\n", sizeof (c + c), sizeof (C + 1UL));
	c = c + 1; C++;
	printf("%d %d\n", c, C);
	exit(0);
}
