/* what is no pointer, dereferenced */
/* options: -x errtags */
BEGIN { trace(*pid); }
