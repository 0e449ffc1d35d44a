/* an argument that was not given */
/* options: -x errtags */
BEGIN { trace($1); }
