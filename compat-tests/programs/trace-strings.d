/* trace() of strings: short, long, with control characters */
/* normalise: cpu */

BEGIN { trace("short"); trace("a string that is longer than the thirty-three columns it has"); }
BEGIN { trace("tab\there"); trace("line\nbreak"); exit(0); }
