# The syscall provider: names, arguments, results, and every call counted.
# limit: 240

workload &
workload=$!

output=$(dtrace -q -n 'syscall:::entry { @[probefunc] = count(); } tick-2s { exit(0); }')
matches "calls by name" "$output" '^ +openat +[0-9]+$'
output=$(dtrace -q -n 'syscall:::entry { @[execname] = count(); } tick-2s { exit(0); }')
matches "calls by program" "$output" '^ +find +[0-9]+$'
output=$(dtrace -q -n 'syscall:::entry { calls[pid]++; } syscall::exit_group:entry /calls[pid]/ { @ = max(calls[pid]); calls[pid] = 0; }
    tick-2s { exit(0); }')
matches "an associative array by process" "$output" '^ +[0-9]+$'
output=$(dtrace -q -n 'syscall::read:entry { self->t = timestamp; }
    syscall::read:return /self->t/ { @[execname] = quantize(timestamp - self->t); self->t = 0; } tick-2s { exit(0); }')
matches "how long reads take" "$output" '^ +value +-+ Distribution -+ count'
matches "in rows" "$output" '^ +[0-9]+ \|@'
output=$(dtrace -q -n 'syscall:::return /(int)arg1 < 0/ { @[probefunc, errno] = count(); } tick-2s { exit(0); }')
matches "calls that fail: the missing file of cat" "$output" '^ +open(at)? +2 +[0-9]+$'
output=$(dtrace -q -n 'syscall::openat:entry { printf("%s %s\n", execname, copyinstr(arg1)); } tick-2s { exit(0); }')
matches "which files are opened" "$output" '^cat (missing|list|\./missing)'
kill $workload

printf 'cat /etc/hosts /etc/hosts /no/such/file\n' > three.sh
output=$(dtrace -q -n 'syscall::open*:entry /execname == "cat"/ { @[copyinstr(probefunc == "open" ? arg0 : arg1)] = count(); }' \
    -c 'sh three.sh' 2> /dev/null)
matches "two opens of one file" "$output" '^ +/etc/hosts +2$'
matches "and one of another" "$output" '^ +/no/such/file +1$'
output=$(dtrace -q -n 'syscall::getppid:entry /pid == $target/ { @ = count(); }' -c 'cost 499')
matches "\$target is the command's process, all 1000 calls to warm up and 499 of it" "$output" '^ +1499$'
sleep 1000 &
is "-p and \$target" "$(dtrace -q -p $! -n 'BEGIN { trace($target); exit(0); }')" $!

round=0
right=0
while [ $round -lt 10 ]; do
    output=$(dtrace -q -n 'syscall::getppid:entry /execname == "getppid"/ { @e = count(); }
        syscall::getppid:return /execname == "getppid"/ { @r = count(); } END { printa("%@d ", @e); printa("%@d", @r); }' \
        -c 'getppid 100000 4')
    [ "$(echo "$output" | tr -s ' \n' ' ' | sed 's/^ //; s/ $//')" = "100000 100000" ] || { comment "round $round: $output"; break; }
    round=$((round + 1))
done
is "100,000 calls on four processors are 100,000 entries and returns, ten times" $round 10
