/* -x strsize from the command line, larger than usual */
/* options: -x strsize=600 */
#pragma D option quiet

BEGIN { s = "0123456789012345678901234567890123456789012345678901234567890123456789"; this->t = strjoin(s, s); u = strjoin(this->t, strjoin(this->t, s)); printf("%d\n[%s]\n", strlen(u), u); exit(0); }
