/* a function that there is not */
/* options: -x errtags */
BEGIN { nosuch(1); }
