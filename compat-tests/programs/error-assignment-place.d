/* an assignment to what cannot be assigned to */
/* options: -x errtags */
BEGIN { pid = 1; }
