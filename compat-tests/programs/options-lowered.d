/* options beyond what the driver grants: what is said of it */
/* options: -x cleanrate=1ns -x bufsize=100001 */
/* normalise: cpu */

BEGIN { self->x = 1; trace("on"); exit(0); }
