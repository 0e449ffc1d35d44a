/* All functions, and an end before the first has fired. */
/* needs: fbt */
fbt::: { n++; }
BEGIN { printf("%d\n", timestamp); exit(0); }
