/* an argument of the wrong type */
/* options: -x errtags */
BEGIN { trace(strlen(5)); }
