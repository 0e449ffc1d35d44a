/* thread-local structures that were never assigned */
/* differs: their members are zero, as those of global ones and of associative arrays; the original reads from address 0 */
#pragma D option quiet

struct pair { int a; int b; };
self struct pair p;
BEGIN { printf("%d\n", self->p.a); self->p.b = 3; }
BEGIN { printf("%d\n", self->p.b); exit(0); }
ERROR { exit(1); }
