#pragma D option quiet
BEGIN { printf("one\n"); exit(0); }
