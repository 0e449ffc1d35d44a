# Under temporal what all processors recorded is one sequence, nothing of it is lost, and each record is what it is without.
# limit: 60

dtrace -q -x temporal -x switchrate=20hz -n 'BEGIN { printf("0\n"); } profile-97 { printf("%d %d\n", timestamp, cpu); @ = count(); }
    tick-2s { exit(0); } END { printf("%d end\n", timestamp); printa("fired %@d\n", @); }' > rows
is "what fired is there" "$(awk 'NF == 2 && $1 != "fired" && $2 != "end"' rows | wc -l)" "$(awk '$1 == "fired" { print $2 }' rows)"
is "it comes from more than one processor, where there is more than one" \
    "$(awk 'NF == 2 && $1 + 0 && $2 != "end" { cpu[$2] } END { for (c in cpu) n++; print (n > 1 ? "several" : "one") }' rows)" \
    "$([ "$(nproc)" -gt 1 ] && echo several || echo one)"
is "in the order in which it happened" \
    "$(awk '$1 ~ /^[0-9]+$/ { if ($1 + 0 < last) bad++; last = $1 + 0 } END { print bad + 0 }' rows)" 0

fault='BEGIN { trace(1); } BEGIN { x = 1; @ = count(); } BEGIN { trace(*(int *)8); } BEGIN { exit(0); }'
is "a program prints the same under temporal, its faults too" \
    "$(dtrace -x temporal -n "$fault" 2>&1 | cut -c4-)" "$(dtrace -n "$fault" 2>&1 | cut -c4-)"
