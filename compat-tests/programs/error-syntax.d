/* a clause that does not end */
/* options: -x errtags */
/* normalise: syntax */
BEGIN { trace(1);
