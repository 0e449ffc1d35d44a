/* an aggregation with other keys than before */
/* options: -x errtags */
BEGIN { @a[1] = count(); @a["x"] = count(); }
