/* operands that do not go together */
/* options: -x errtags */
struct pair { int a; };
BEGIN { this->p = (struct pair *)alloca(4); trace(*this->p + 1); }
