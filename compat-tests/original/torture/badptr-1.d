/* A load from NULL is an error of the clause and nothing else. */
BEGIN { printf("%d\n", *(int *)NULL); }
BEGIN { printf("still here\n"); exit(0); }
