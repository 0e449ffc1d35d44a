/* an error behind a line directive */
/* options: -x errtags */
# 100 "other.d"
BEGIN { trace(nosuch); }
