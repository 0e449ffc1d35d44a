/* strings as pointers to their characters */
#pragma D option quiet

BEGIN { s = "string"; trace(s + 1); t = s + 2; trace(t); trace(*s); trace(s[1]); printf(" %s %d", s + 3, sizeof (s + 1)); trace(1 + s); exit(0); }
