/* printa() of what is no aggregation */
/* options: -x errtags */
BEGIN { printa("%@d\n", 1); }
