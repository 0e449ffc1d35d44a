/* printf of narrow signed integers, wherever they are */
/* differs: a conversion shows the sign of its argument; the original's %d shows one and two bytes without it */
#pragma D option quiet

int8_t g;
int16_t h;
this char c;
self short s;
struct q { char a; short b; int c; } x;

BEGIN
{
	g = -2; h = -3; this->c = -4; self->s = -5;
	x.a = -6; x.b = -7; x.c = -8;
	a["key"] = (short)-9;
	printf("%d %d %d %d\n", g, h, this->c, self->s);
	printf("%d %d %d %d\n", x.a, x.b, x.c, a["key"]);
	printf("%i %5d|%-5d|%05d\n", (char)-1, (char)-1, (short)-1, (short)-1);
	/* what has no sign has none */
	printf("%d %d %u %x %o\n", (unsigned char)-1, (unsigned short)-1, (char)-1, (short)-1, (char)-1);
	@[g, h] = count();
	printa("%d %d %@d\n", @);
	exit(0);
}
