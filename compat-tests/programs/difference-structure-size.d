/* the size of structures whose last member ends before their alignment does */
/* differs: C pads them, so that arrays of them are aligned; the original's compiler does not */
#pragma D option quiet

struct node { struct node *next; int value; };
BEGIN { printf("%d\n", sizeof (struct node)); exit(0); }
