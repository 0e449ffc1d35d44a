/* -x aggsortkey -x aggsortrev */
/* options: -x aggsortkey -x aggsortrev */
#pragma D option quiet

BEGIN { @t["b"] = sum(1); @t["a"] = sum(3); @t["c"] = sum(2); @p["a", 1] = sum(1); @p["a", 2] = sum(1); @p["b", 0] = sum(1); exit(0); }
