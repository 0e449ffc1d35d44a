# A hundred thousand calls on four CPUs are a hundred thousand entries and as many returns, every time.
# limit: 300

for round in 1 2 3 4 5 6 7 8 9 10; do
    output=$(dtrace -q -n 'syscall::getppid:entry /progenyof($target)/ { @e = count(); }
        syscall::getppid:return /progenyof($target)/ { @r = count(); }
        END { printa("%@d entries\n", @e); printa("%@d returns\n", @r); }' -c 'getppid 100000 4' 2>&1)
    is "round $round" "$(printf '%s\n' "$output" | grep -E 'entries|returns' | tr '\n' ' ')" "100000 entries 100000 returns "
done
is "no firing was inside another" "$(sed -n 's/^probe_recursion=//p' /proc/dtrace/stats)" 0
