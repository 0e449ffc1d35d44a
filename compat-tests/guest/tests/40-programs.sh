# The programs that people type, on the driver, with the driver's own dtrace.
# limit: 240

workload &

output=$(dtrace -n 'BEGIN { trace("hello"); exit(0); }' 2>&1)
is "BEGIN fires once and ends it" $? 0
matches "it traces a string" "$output" '^ +[0-9]+ +1 +:BEGIN +hello +$'

output=$(dtrace -l 2>&1)
is "-l ends well" $? 0
matches "-l has its heading" "$output" '^ +ID +PROVIDER +MODULE +FUNCTION NAME$'
matches "-l lists BEGIN" "$output" '^ +1 +dtrace +BEGIN$'
matches "-l lists openat" "$output" '^ *[0-9]+ +syscall +x64 +openat entry$'
output=$(dtrace -l -P syscall 2>&1)
is "-l -P lists one provider" "$(printf '%s\n' "$output" | sed 1d | grep -vc ' syscall ')" 0

output=$(dtrace -q -n 'syscall:::entry { @[probefunc] = count(); } tick-1s { exit(0); }' 2>&1)
is "counting by call ends well" $? 0
matches "it counts read" "$output" '^  read +[0-9]+$'

output=$(dtrace -q -n 'syscall::read:entry { self->t = timestamp; } syscall::read:return /self->t/ { @["ns"] = quantize(timestamp - self->t); self->t = 0; } tick-1s { exit(0); }' 2>&1)
matches "latency has a graph" "$output" '^           value  ------------- Distribution ------------- count    $'
matches "with rows" "$output" '^ +[0-9]+ \|@+ *[0-9]+ +$'

output=$(dtrace -q -n 'syscall:::return /arg0 == -1/ { @[probefunc, arg1] = count(); @e[errno] = count(); } tick-1s { exit(0); }' 2>&1)
matches "failed calls have their error" "$output" '^  open(at)? +-2 +[0-9]+$'
matches "errno is it, too" "$output" '^ +2 +[0-9]+$'

dtrace -q -n 'syscall::open*:entry { printf("%s %s\n", execname, copyinstr(strstr(probefunc, "at") == NULL ? arg0 : arg1)); } tick-1s { exit(0); }' > printed 2>&1
matches "printf shows who opens what" "$(cat printed)" '^cat .*missing$'

output=$(dtrace -q -n 'profile-97 { @[arg0 != 0 ? "kernel" : "user"] = count(); } tick-1s { exit(0); }' 2>&1)
matches "profile fires in the kernel" "$output" '^  kernel +[0-9]+$'
output=$(dtrace -n 'profile-97 { trace(arg0); } tick-1s { exit(0); }' 2>&1)
is "profile fires on every CPU" "$(printf '%s\n' "$output" | sed -n 's/^ *\([0-9]*\) .*:profile-97 .*/\1/p' | sort -u | tr '\n' ' ')" \
    "$(seq 0 $(($(nproc) - 1)) | tr '\n' ' ')"

output=$(dtrace -q -n 'syscall:::entry { n[pid]++; } syscall:::entry /n[pid] > 10/ { @[execname] = count(); n[pid] = 0; } tick-2s { exit(0); }' 2>&1)
matches "an associative array by pid" "$output" '^  [a-z]+ +[0-9]+$'

cat > script.d <<'D'
#!/usr/sbin/dtrace -s
#pragma D option quiet
BEGIN { printf("%d %s\n", $1, $$2); exit(3); }
D
output=$(dtrace -s script.d 42 text 2>&1)
is "exit() is the exit status" $? 3
is "-s takes a file and its arguments" "$output" "42 text"

ok "-o" dtrace -q -o file -n 'BEGIN { printf("kept\n"); exit(0); }'
is "-o writes to a file" "$(cat file)" "kept"

output=$(dtrace -q -n 'syscall::getppid:entry /progenyof($target)/ { @ = count(); }' -c 'getppid 1000' 2>&1)
matches "-c sets \$target, and ends with the command" "$output" '^ +1000$'

sleep 100 &
victim=$!
output=$(dtrace -q -p $victim -n 'BEGIN { printf("%d\n", $target); exit(0); }' 2>&1)
is "-p sets \$target" "$output" "$victim"
ok "and leaves the process alone" kill $victim

is "-V" "$(dtrace -V)" "dtrace: Sun D 1.9"
output=$(dtrace -q -x strsize=5 -n 'BEGIN { trace(strjoin("abc", "defg")); exit(0); }' 2>&1)
is "-x sets an option" "$output" "abcd"
ok "-e compiles and does not run" dtrace -e -n 'syscall:::entry { @ = count(); }'
output=$(dtrace -v -e -n 'BEGIN { }' 2>&1)
matches "-v shows stability" "$output" 'Minimum Probe Description Attributes'

dtrace -q -n 'syscall:::entry { @[execname] = count(); }' > interrupted 2>&1 &
tracer=$!
sleep 2
kill -TERM $tracer
wait $tracer
is "an end by signal is no failure" $? 0
matches "and prints the aggregations" "$(cat interrupted)" '^  [a-z]+ +[0-9]+$'
