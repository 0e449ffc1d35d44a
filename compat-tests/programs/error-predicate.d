/* a predicate that is no scalar */
/* options: -x errtags */
BEGIN /"string"/ { exit(0); }
