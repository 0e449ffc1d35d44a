/* Prints something else than is expected. */
#pragma D option quiet
BEGIN { printf("two\n"); exit(0); }
