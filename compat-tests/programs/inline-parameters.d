/* inlines with parameters and of strings, members of memory that was allocated, the comma and exclusive or */
#pragma D option quiet
inline int FLAG = 0x10;
inline string name = FLAG ? "yes" : "no";
inline int add[int a, int b] = a + b;
typedef struct pt { int x, y; } pt_t;
pt_t *p;
BEGIN { p = (pt_t *)alloca(sizeof (pt_t)); p->x = 3; p->y = add[p->x, 4]; printf("%s %d %d %d\n", name, p->y, offsetof(pt_t, y), sizeof (p->x)); printf("%d %d\n", 1 ^^ 1, 5 ^^ 0); printf("%d\n", (1, 2, 3)); printf("%s\n", stringof("abc")); printf("%d\n", sizeof("hello")); trace(strlen("four")); printf("\n"); tracemem(p, 8); exit(0); }
ERROR { printf("err\n"); exit(2); }
