# System calls of 32-bit programs, to the last one.
# limit: 100

if [ "$(uname -m)" != x86_64 ]; then
    output=$(dtrace -q -n 'syscall:x32:getppid:entry /execname == "getppid"/ { @e = count(); }
        syscall:x32:getppid:return /execname == "getppid"/ { @r = count(); } END { printa("%@d ", @e); printa("%@d", @r); }' \
        -c 'getppid 20000 4')
    is "20,000 calls on four processors are so many entries and returns" "$(echo $output)" "20000 20000"
fi

# The exits do not return; of execve one half is the program before, or after; a return from a signal is back in another call.
output=$(dtrace -q -n 'syscall:x32::entry /execname == "calls32" && probefunc != "execve" && strstr(probefunc, "sigreturn") == NULL/ {
    @e = count(); @kinds[probefunc] = count(); }
    syscall:x32::return /execname == "calls32" && probefunc != "execve" && strstr(probefunc, "sigreturn") == NULL/ {
    @r = count(); }
    syscall:x32:exit*:entry /execname == "calls32"/ { @x = count(); }
    END { printa("sums %@d %@d", @e, @r); printa(" %@d\n", @x); printa("kind %s %@d\n", @kinds); }' -c calls32)
is "calls32: every call returns but the exits: $(echo "$output" | grep sums)" \
    "$(echo "$output" | awk '$1 == "sums" && $2 == $3 + $4 { print "yes" }')" yes
ok "it makes hundreds of kinds: $(echo "$output" | grep -c kind)" test "$(echo "$output" | grep -c kind)" -gt 200
