/* keys of another number than before */
/* options: -x errtags */
BEGIN { a[1, 2] = 3; a[1] = 4; }
