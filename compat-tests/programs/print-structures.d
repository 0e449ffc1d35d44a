/* print() of structures within structures, arrays and unions */
#pragma D option quiet

struct inner { int x; short y; };
union either { int number; char text[4]; };
struct outer { struct inner in; int a[3]; char name[8]; union either u; char *p; };
BEGIN
{
	this->o = (struct outer *)alloca(sizeof (struct outer));
	this->o->in.x = 1; this->o->in.y = -2;
	this->o->a[0] = 10; this->o->a[1] = 20; this->o->a[2] = 30;
	bcopy("name", this->o->name, 5);
	this->o->u.number = 0x00636261;
	this->o->p = (char *)0x1000;
	print(*this->o);
	exit(0);
}
