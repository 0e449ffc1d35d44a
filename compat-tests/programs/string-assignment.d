/* strings assigned, cut at strsize, and as arrays of characters */
#pragma D option quiet
#pragma D option strsize=8

BEGIN { s = "0123456789"; self->t = "abcdefghij"; a["key"] = "ABCDEFGHIJ"; }
BEGIN { printf("[%s] [%s] [%s] [%s]\n", s, self->t, a["key"], "constant string"); }
BEGIN { printf("%d %d [%s]\n", strlen(s), strlen("0123456789"), strjoin(s, "xyz")); exit(0); }
