/* inlines with parameters */
#pragma D option quiet

inline int double_of[int n] = n * 2;
inline string name_of[int n] = n == 1 ? "one" : n == 2 ? "two" : "many";
BEGIN { printf("%d %s %s %s\n", double_of[21], name_of[1], name_of[2], name_of[3]); exit(0); }
