/* a translator that there is not */
/* options: -x errtags */
struct pair { int a; };
struct other { int a; };
BEGIN { trace(xlate <struct pair>((struct other *)0).a); }
