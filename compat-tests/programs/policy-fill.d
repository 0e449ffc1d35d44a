/* bufpolicy=fill: the first records that fit, and room for END */
/* options: -b 256 */
#pragma D option quiet
#pragma D option bufpolicy=fill

BEGIN { n = 100; }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); } BEGIN { printf("%d ", n++); }
BEGIN { exit(0); }
END { printf("end\n"); }
