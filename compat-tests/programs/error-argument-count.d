/* too few arguments, of a subroutine */
/* options: -x errtags */
BEGIN { trace(strlen()); }
