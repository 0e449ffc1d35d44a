/* lquantize() with bounds that are none */
/* options: -x errtags */
BEGIN { @ = lquantize(1, 10, 0, 1); }
