/* And all functions. */
/* needs: fbt */
BEGIN { printf("%d\n", timestamp); }
fbt::: { n++; }
tick-1ms { exit(0); }
