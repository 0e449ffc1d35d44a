/* pragmas of attributes and binding, on providers, inlines and translators */
#pragma D option quiet

provider foo { probe bar(int a, char *b) : (int a); };
#pragma D attributes Evolving/Evolving/ISA provider foo provider
#pragma D binding "1.0" myin
inline int myin = 5;
#pragma D attributes Stable/Stable/Common myin

struct out { int a; string b; };
struct inp { int q; };
translator struct out < struct inp *I > { a = I->q + 1; b = "translated"; };

BEGIN
{
	this->p = (struct inp *)alloca(sizeof (struct inp));
	this->p->q = 4;
	printf("%d %s %d\n", xlate < struct out *> (this->p)->a, xlate < struct out > (this->p).b, myin);
	exit(0);
}
