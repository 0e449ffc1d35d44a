/* -x rawbytes: arrays of characters as bytes */
/* normalise: cpu */
#pragma D option rawbytes

struct text { char c[8]; };
BEGIN { this->t = (struct text *)alloca(sizeof (struct text)); bcopy("abcdefg", this->t, 8); this->t->c[3] = 0; trace(this->t->c); trace("text"); exit(0); }
