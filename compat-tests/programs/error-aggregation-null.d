/* an aggregation with keys says for itself that it is one */
/* options: -x errtags */
BEGIN { @never[1]; }
