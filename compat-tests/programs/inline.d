/* inline constants and expressions, of numbers and strings, by other inlines */
#pragma D option quiet

inline int LIMIT = 10;
inline int TWICE = LIMIT * 2;
inline string NAME = "inline";
int seen;
inline int FIRING = seen + 1;
BEGIN { seen = 41; }
BEGIN /TWICE > LIMIT/ { printf("%d %d %s %d\n", LIMIT, TWICE, NAME, FIRING); exit(0); }
