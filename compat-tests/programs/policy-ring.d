/* bufpolicy=ring: the last records that fit */
/* options: -b 256 */
#pragma D option quiet
#pragma D option bufpolicy=ring

BEGIN { n = 100; }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { exit(0); }
END { printf("end\n"); }
