/* a type that there is not */
/* options: -x errtags */
BEGIN { trace(sizeof (struct nosuch_structure)); }
