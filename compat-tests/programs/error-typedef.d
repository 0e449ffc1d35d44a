/* a structure declared twice */
/* options: -x errtags */
struct pair { int a; };
struct pair { int b; };
BEGIN { exit(0); }
