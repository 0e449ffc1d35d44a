/* keys of another type than before */
/* options: -x errtags */
BEGIN { a["x"] = 3; a[1] = 4; }
