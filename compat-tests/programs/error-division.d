/* a constant division by zero */
/* options: -x errtags */
BEGIN { trace(1 / 0); }
