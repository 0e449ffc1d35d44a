/* an octal number with a wrong digit */
/* options: -x errtags */
BEGIN { trace(089); }
