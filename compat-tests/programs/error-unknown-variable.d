/* a variable that nobody has assigned */
/* options: -x errtags */
BEGIN { trace(nosuch); }
