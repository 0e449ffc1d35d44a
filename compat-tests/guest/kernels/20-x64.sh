# System calls of 64-bit programs, to the last one.
# limit: 100

if [ "$(uname -m)" != x86_64 ]; then
    skip "64-bit calls" "none on a 32-bit kernel: $(dtrace -l -n 'syscall:x64::' 2>&1 | grep -c x64) probes"
    exit 0
fi
output=$(dtrace -q -n 'syscall:x64:getppid:entry /execname == "getppid"/ { @e = count(); }
    syscall:x64:getppid:return /execname == "getppid"/ { @r = count(); } END { printa("%@d ", @e); printa("%@d", @r); }' -c 'getppid 20000 4')
is "20,000 calls on four processors are so many entries and returns" "$(echo $output)" "20000 20000"

# The exits do not return; of execve one half is the program before, or after; a return from a signal is back in another call.
output=$(dtrace -q -n 'syscall:x64::entry /execname == "calls64" && probefunc != "execve" && strstr(probefunc, "sigreturn") == NULL/ {
    @e = count(); @kinds[probefunc] = count(); }
    syscall:x64::return /execname == "calls64" && probefunc != "execve" && strstr(probefunc, "sigreturn") == NULL/ {
    @r = count(); }
    syscall:x64:exit*:entry /execname == "calls64"/ { @x = count(); }
    END { printa("sums %@d %@d", @e, @r); printa(" %@d\n", @x); printa("kind %s %@d\n", @kinds); }' -c calls64)
is "calls64: every call returns but the exits: $(echo "$output" | grep sums)" \
    "$(echo "$output" | awk '$1 == "sums" && $2 == $3 + $4 { print "yes" }')" yes
ok "it makes hundreds of kinds: $(echo "$output" | grep -c kind)" test "$(echo "$output" | grep -c kind)" -gt 200
