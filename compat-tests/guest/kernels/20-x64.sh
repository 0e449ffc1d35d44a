# System calls of 64-bit programs, to the last one.
# limit: 100

if [ "$(uname -m)" != x86_64 ]; then
    skip "64-bit calls" "none on a 32-bit kernel: $(dtrace -l -n 'syscall:x64::' 2>&1 | grep -c x64) probes"
    exit 0
fi
output=$(dtrace -q -n 'syscall:x64:getppid:entry /execname == "getppid"/ { @e = count(); }
    syscall:x64:getppid:return /execname == "getppid"/ { @r = count(); } END { printa("%@d ", @e); printa("%@d", @r); }' -c 'getppid 20000 4')
is "20,000 calls on four processors are so many entries and returns" "$(echo $output)" "20000 20000"

# The exits do not return. (Of the execve that makes it what it is nothing is seen: tracing begins behind it.)
output=$(dtrace -q -n 'syscall:x64::entry /execname == "calls64"/ { @e = count(); @kinds[probefunc] = count(); }
    syscall:x64::return /execname == "calls64"/ { @r = count(); }
    syscall:x64:exit*:entry /execname == "calls64"/ { @x = count(); }
    syscall:x64:*sigreturn:entry /execname == "calls64"/ { @s = sum(1); }
    syscall:x64:*sigreturn:return /execname == "calls64"/ { @s = sum(100); }
    END { printa("sums %@d %@d", @e, @r); printa(" %@d", @x); printa(" %@d\n", @s);
        printa("kind %s %@d\n", @kinds); }' -c calls64)
is "calls64: every call returns but the exits: $(echo "$output" | grep sums)" \
    "$(echo "$output" | awk '$1 == "sums" && $2 == $3 + $4 { print "yes" }')" yes
is "of a signal's handler, one call is entered and returns" "$(echo "$output" | awk '$1 == "sums" { print $5 }')" 101
ok "it makes hundreds of kinds: $(echo "$output" | grep -c kind)" test "$(echo "$output" | grep -c kind)" -gt 200
