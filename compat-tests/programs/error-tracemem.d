/* tracemem() with a size that is no constant */
/* options: -x errtags */
BEGIN { tracemem(0, pid); }
