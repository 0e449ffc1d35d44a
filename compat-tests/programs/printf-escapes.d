/* printf() of percent signs and of the escapes of C */
#pragma D option quiet

BEGIN { printf("100%% [\t] [\\] [\"] [\x41] [\101]\n"); printf("a\rb\n"); printf("no newline"); printf("\n"); exit(0); }
