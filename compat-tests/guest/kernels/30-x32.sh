# System calls of 32-bit programs, to the last one.
# limit: 100

if [ "$(uname -m)" != x86_64 ]; then
    output=$(dtrace -q -n 'syscall:x32:getppid:entry /execname == "getppid"/ { @e = count(); }
        syscall:x32:getppid:return /execname == "getppid"/ { @r = count(); } END { printa("%@d ", @e); printa("%@d", @r); }' \
        -c 'getppid 20000 4')
    is "20,000 calls on four processors are so many entries and returns" "$(echo $output)" "20000 20000"
fi

# The exits do not return; of the execve that makes it what it is, the entry was somebody else's (a 64-bit program's, if there are any).
other=0
[ "$(uname -m)" = x86_64 ] || other=1
output=$(dtrace -q -n 'syscall:x32::entry /execname == "calls32"/ { @e = count(); @kinds[probefunc] = count(); }
    syscall:x32::return /execname == "calls32"/ { @r = count(); }
    syscall:x32:exit*:entry /execname == "calls32"/ { @x = count(); }
    syscall:x32:*sigreturn:entry /execname == "calls32"/ { @s = sum(1); }
    syscall:x32:*sigreturn:return /execname == "calls32"/ { @s = sum(100); }
    syscall::execve:return /execname == "calls32" && arg1 == 0/ { @p = count(); }
    END { printa("sums %@d %@d", @e, @r); printa(" %@d", @x); printa(" %@d", @p); printa(" %@d\n", @s);
        printa("kind %s %@d\n", @kinds); }' -c calls32)
is "calls32: every call returns but the exits: $(echo "$output" | grep sums)" \
    "$(echo "$output" | awk -v other=$other '$1 == "sums" && $2 == $3 + $4 - other { print "yes" }')" yes
is "it is executed once, and returns from a signal once" "$(echo "$output" | awk '$1 == "sums" { print $5, $6 }')" "1 101"
ok "it makes hundreds of kinds: $(echo "$output" | grep -c kind)" test "$(echo "$output" | grep -c kind)" -gt 200
