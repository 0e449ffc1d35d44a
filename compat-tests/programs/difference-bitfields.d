/* bit-fields: signed and unsigned, read and written */
/* differs: they lie and have signs as with gcc; the original starts some at a byte of their own and reads negative ones as positive */
#pragma D option quiet

struct bits { int a:3; int b:5; unsigned int c:9; unsigned int d:1; };
BEGIN
{
	this->w = (struct bits *)alloca(sizeof (struct bits));
	this->i = (int *)this->w;
	*this->i = 0;
	this->w->a = 3; this->w->b = -7; this->w->c = 300; this->w->d = 1;
	printf("%d %d %d %d %x\n", this->w->a, this->w->b, this->w->c, this->w->d, *this->i);
	this->w->a = -1; this->w->c++;
	printf("%d %d %d %d %d\n", this->w->a, this->w->b, this->w->c, this->w->d, sizeof (struct bits));
	exit(0);
}
