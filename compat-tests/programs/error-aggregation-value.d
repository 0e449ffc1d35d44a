/* an aggregation used as a value */
/* options: -x errtags */
BEGIN { @a = count(); trace(@a + 1); }
