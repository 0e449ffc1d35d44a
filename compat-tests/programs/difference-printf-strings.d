/* %S, and a precision of none */
/* differs: the original shows the NUL that ends a string for %S, and takes a precision of 0 for none at all */
#pragma D option quiet

BEGIN { printf("[%S] [%.0s]\n", "a\tb\x01", "gone"); exit(0); }
