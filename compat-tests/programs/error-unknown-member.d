/* a member that a structure has not */
/* options: -x errtags */
struct pair { int a; };
BEGIN { this->p = (struct pair *)alloca(4); trace(this->p->b); }
