/* order by value of averages, deviations and distributions */
#pragma D option quiet

BEGIN { @a["x"] = avg(9); @a["y"] = avg(10); @q["x"] = quantize(100); @q["y"] = quantize(1); @l["x"] = lquantize(9, 0, 10); @l["y"] = lquantize(1, 0, 10); }
BEGIN { @a["x"] = avg(9); @a["y"] = avg(1); @q["y"] = quantize(1); @l["x"] = lquantize(9, 0, 10); exit(0); }
