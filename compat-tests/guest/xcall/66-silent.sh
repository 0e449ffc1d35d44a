# A CPU that has interrupts off for two seconds answers in an NMI what may run there, and is given up otherwise.
# limit: 120

proc=/proc/dtrace
stat() { sed -n "s/^$1=//p" $proc/stats; }
last=$(($(nproc) - 1))

before=$(stat nmi2)
taskset -c $last cat $proc/torture-spin > spun &
answer=$(taskset -c 0 cat $proc/torture-wait $proc/torture-nmi)
comment "$answer"
is "it answers in an NMI" "${answer% ms=*}" "answered=$(nproc) offline=0 revoked=0 orphaned=0"
ok "which is counted" test "$(stat nmi2)" -gt "$before"
wait
before=$(stat xcall_given_up)
taskset -c $last cat $proc/torture-spin > spun &
answer=$(taskset -c 0 cat $proc/torture-wait $proc/torture-plain)
comment "$answer"
is "what may not run there is given up, and the caller is told" \
    "${answer% ms=*}" "answered=$last offline=0 revoked=1 orphaned=0"
is "which is counted" "$(stat xcall_given_up)" $((before + 1))
matches "and said" "$(dmesg)" 'dtracedrv: cross-call from CPU 0: 1 CPUs did not answer'
wait
is "tracing goes on" "$(dtrace -q -n 'syscall::getppid:entry { @ = count(); }' -c 'getppid 1000' | tr -d ' \n')" 1000
answer=$(cat $proc/torture-plain)
is "and it answers again" "${answer% ms=*}" "answered=$(nproc) offline=0 revoked=0 orphaned=0"

echo 0 > /sys/devices/system/cpu/cpu$last/online
answer=$(cat $proc/torture-plain)
is "a CPU that is offline is not waited for" "${answer% ms=*}" "answered=$last offline=1 revoked=0 orphaned=0"
taskset -c 0 cat $proc/torture-calls > calls &
for round in 1 2 3; do
    echo 1 > /sys/devices/system/cpu/cpu$last/online
    echo 0 > /sys/devices/system/cpu/cpu$last/online
done
echo 1 > /sys/devices/system/cpu/cpu$last/online
wait
matches "nor one that comes and goes while it is called" "$(cat calls)" ' incomplete=0$'
ok "the driver unloads" rmmod dtracedrv
load_driver
