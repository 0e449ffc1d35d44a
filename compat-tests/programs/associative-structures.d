/* associative arrays of structures, and global ones: assigned member by member */
#pragma D option quiet

struct point { int x; short y; char name[8]; };
struct point p;
struct point many[int];
BEGIN { p.x = 3; p.y = -1; many[1].x = 10; many[2].x = 20; many[1].y = 11; }
BEGIN { printf("%d %d %d %d %d\n", p.x, (int)p.y, many[1].x, many[2].x, many[1].y); exit(0); }
