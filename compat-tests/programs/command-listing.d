/* -S: the listing of the program's instructions */
/* options: -S -e */
/* normalise: difo */

BEGIN /execname != "none"/ { self->p = pid; a[execname, 3] = self->p + 1; trace(a[execname, 3]); @[probename] = quantize(epid); }
END { this->q = epid; printf("%d %s", this->q, strjoin("te", "xt")); exit(0); }
