/* data recorded before speculate() */
/* options: -x errtags */
BEGIN { trace(1); speculate(1); }
