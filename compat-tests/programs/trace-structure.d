/* trace() of structures: bytes in rows */
/* normalise: cpu */

struct pair { int a; int b; };
BEGIN { this->p = (struct pair *)alloca(sizeof (struct pair)); this->p->a = 0x64636261; this->p->b = 0x01020304; trace(*this->p); exit(0); }
