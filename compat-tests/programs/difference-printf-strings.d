/* %S, and a precision of 0, which is none */
/* differs: the original shows the NUL that ends a string for %S */
#pragma D option quiet

BEGIN { printf("[%S] [%.0s]\n", "a\tb\x01", "gone"); exit(0); }
