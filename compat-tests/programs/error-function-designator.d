/* what is called is a name */
/* options: -x errtags */
BEGIN { tick-1(); }
