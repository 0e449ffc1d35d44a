/* a macro that there is not */
/* options: -x errtags */
BEGIN { trace($nosuch); }
