/* -Z: descriptions that match nothing */
/* options: -Z */
/* normalise: cpu */

no_such_provider:::probe { trace("never"); }
BEGIN { trace("begun"); exit(0); }
