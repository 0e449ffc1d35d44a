# The device nodes and /proc files of the contract (sections 1.2 and 1.3) are there.

for node in dtrace dtrace_helper fasttrap fbt dtrace_ctl; do
    ok "/dev/$node is a character device" test -c "/dev/$node"
done
for file in stats security trace debug fbt syscall fasttrap; do
    ok "/proc/dtrace/$file is a file" test -f "/proc/dtrace/$file"
done
last=$(($(nproc) - 1))
for symbol in dtrace_cpu_id dtrace_curcpu; do
    is "$symbol is the processor that looks" \
        "$(taskset $(printf %x $((1 << last))) dtrace -qn "BEGIN { printf(\"%d\", *(int *)&dtracedrv\`$symbol); exit(0); }")" "$last"
done
ok "/proc/dtrace/stats can be read" cat /proc/dtrace/stats
ok "every node opens" sh -c 'exec 3<>/dev/dtrace 4<>/dev/dtrace_helper 5<>/dev/fasttrap'

exec 3<> /dev/dtrace
output=$(rmmod dtracedrv 2>&1)
matches "an open node keeps the driver loaded" "$output" "temporarily unavailable|busy|in use"
exec 3>&-
ok "a closed one does not" rmmod dtracedrv
ok "it loads again" load_driver
