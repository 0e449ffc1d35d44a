/* -x rawbytes: arrays of characters as bytes */
/* normalise: cpu */
#pragma D option rawbytes

struct text { char c[8]; };
BEGIN { this->t = (struct text *)alloca(sizeof (struct text)); *(uint64_t *)this->t = 0x0066656400636261; /* abc, NUL, def */ trace(this->t->c); trace("text"); exit(0); }
