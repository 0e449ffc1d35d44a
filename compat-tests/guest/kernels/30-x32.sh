# System calls of 32-bit programs, to the last one.
# limit: 100

if [ "$(uname -m)" != x86_64 ]; then
    output=$(dtrace -q -n 'syscall:x32:getppid:entry /execname == "getppid"/ { @e = count(); }
        syscall:x32:getppid:return /execname == "getppid"/ { @r = count(); } END { printa("%@d ", @e); printa("%@d", @r); }' \
        -c 'getppid 20000 4')
    is "20,000 calls on four processors are so many entries and returns" "$(echo $output)" "20000 20000"
fi

# The exits do not return. (Of the execve that makes it what it is nothing is seen: tracing begins behind it.)
output=$(dtrace -q -n 'syscall:x32::entry /execname == "calls32"/ { @e = count(); @kinds[probefunc] = count(); }
    syscall:x32::return /execname == "calls32"/ { @r = count(); }
    syscall:x32:exit*:entry /execname == "calls32"/ { @x = count(); }
    syscall:x32:*sigreturn:entry /execname == "calls32"/ { @s = sum(1); }
    syscall:x32:*sigreturn:return /execname == "calls32"/ { @s = sum(100); }
    END { printa("sums %@d %@d", @e, @r); printa(" %@d", @x); printa(" %@d\n", @s);
        printa("kind %s %@d\n", @kinds); }' -c calls32)
is "calls32: every call returns but the exits: $(echo "$output" | grep sums)" \
    "$(echo "$output" | awk '$1 == "sums" && $2 == $3 + $4 { print "yes" }')" yes
is "of a signal's handler, one call is entered and returns" "$(echo "$output" | awk '$1 == "sums" { print $5 }')" 101
ok "it makes hundreds of kinds: $(echo "$output" | grep -c kind)" test "$(echo "$output" | grep -c kind)" -gt 200
