/* typedefs of integers, pointers, arrays, structures and enumerations */
#pragma D option quiet

typedef unsigned char byte_t;
typedef struct pair { int a; int b; } pair_t;
typedef pair_t *pair_p;
typedef int triple_t[3];
typedef enum { ON = 1, OFF } switch_t;
byte_t byte;
BEGIN
{
	byte = 258;
	this->p = (pair_p)alloca(sizeof (pair_t));
	this->p->a = 5; this->p->b = 6;
	printf("%d %d %d %d %d %d\n", byte, this->p->a + this->p->b, sizeof (pair_t), sizeof (triple_t), (switch_t)OFF, sizeof (pair_p));
	exit(0);
}
