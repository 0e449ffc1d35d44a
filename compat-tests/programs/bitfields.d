/* bit-fields: signed and unsigned, read and written */
#pragma D option quiet

struct bits { int a:3; int b:5; unsigned int c:9; unsigned int d:1; };
BEGIN
{
	this->w = (struct bits *)alloca(sizeof (struct bits));
	*(int *)this->w = 0;
	this->w->a = 3; this->w->b = -7; this->w->c = 300; this->w->d = 1;
	printf("%d %d %d %d %x\n", this->w->a, this->w->b, this->w->c, this->w->d, *(int *)this->w);
	this->w->a = -1; this->w->c++;
	printf("%d %d %d %d %d\n", this->w->a, this->w->b, this->w->c, this->w->d, sizeof (struct bits));
	exit(0);
}
