# The cross-call's counters are in /proc/dtrace/stats under the original's names; a consumer needs no call.

stat() { sed -n "s/^$1=//p" /proc/dtrace/stats; }

names='ipi1 nmi1 nmi2 xcall0 xcall1 xcall2 xcall3(reentrant) xcall4(delay) xcall5(spinlock) xcall6(ack_waits) xcall7(fast) xcall8 xcall_slave'
is "the names and their order" \
    "$(sed -n 's/^\(ipi1\|nmi[12]\|xcall[0-9_].*\)=[0-9]*$/\1/p' /proc/dtrace/stats | head -13 | xargs)" "$names"
calls=$(stat xcall1)
fast=$(stat 'xcall7(fast)')
dtrace -q -n 'syscall::getppid:entry { @ = count(); }' -c 'getppid 1000' > /dev/null
is "a consumer that comes and goes calls nobody" "$(stat xcall1)" "$calls"
ok "its grace periods found CPUs in no probe" test "$(stat 'xcall7(fast)')" -gt "$fast"
is "no CPU was given up" "$(stat xcall_given_up)" 0
