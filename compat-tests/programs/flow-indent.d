/* -F: how entry and return, and what is neither, are indented */
/* options: -F */
/* normalise: cpu */

BEGIN { trace(1); }
BEGIN { trace("two"); printf("three"); exit(0); }
END { trace(4); }
