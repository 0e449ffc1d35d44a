/* clauses without actions, with data-less ones, and with none that records */
/* normalise: cpu */

BEGIN {}
BEGIN { x = 1; }
BEGIN { x = 2; trace(x); }
BEGIN { @ = count(); }
BEGIN { exit(0); }
END {}
