/* an aggregation with another function than before */
/* options: -x errtags */
BEGIN { @a = count(); @a = sum(1); }
