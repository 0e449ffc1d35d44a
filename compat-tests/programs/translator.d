/* translators: members of one structure from another's */
#pragma D option quiet

struct raw { int a; int b; };
typedef struct cooked { int sum; int product; string name; } cooked_t;
translator cooked_t < struct raw *R > { sum = R->a + R->b; product = R->a * R->b; name = "cooked"; };
BEGIN
{
	this->r = (struct raw *)alloca(sizeof (struct raw));
	this->r->a = 6; this->r->b = 7;
	printf("%d %d %s\n", xlate <cooked_t>(this->r).sum, xlate <cooked_t>(this->r).product, xlate <cooked_t>(this->r).name);
	printf("%d\n", xlate <cooked_t *>(this->r)->sum);
	exit(0);
}
