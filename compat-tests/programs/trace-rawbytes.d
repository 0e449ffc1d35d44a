/* -x rawbytes: arrays of characters as bytes */
/* normalise: cpu */
#pragma D option rawbytes

struct text { char c[8]; };
BEGIN { this->t = (struct text *)alloca(sizeof (struct text)); bcopy("abc\0def", this->t, 8); trace(this->t->c); trace("text"); exit(0); }
