/* an assignment of another type than before */
/* options: -x errtags */
BEGIN { x = 1; x = "string"; }
