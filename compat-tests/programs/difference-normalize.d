/* normalize() of negative values and of deviations */
/* differs: the original divides a negative value as if it were unsigned, and the squares of a deviation by the factor in place of its square */
#pragma D option quiet

BEGIN { @s["s"] = sum(-1000); @d["d"] = stddev(100); }
BEGIN { @d["d"] = stddev(500); exit(0); }
END { normalize(@s, 10); normalize(@d, 10); printa(@s); printa(@d); }
