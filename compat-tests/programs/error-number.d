/* a number that is too big, and one with a wrong digit */
/* options: -x errtags */
BEGIN { trace(99999999999999999999999999); }
