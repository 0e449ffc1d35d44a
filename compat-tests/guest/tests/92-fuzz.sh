# Nonsense through every ioctl of every node, from threads that share descriptors and processes that are killed: afterwards the
# kernel has nothing to say, the driver counts exactly, and has given back all memory. 20 seconds; in the long form three minutes.
# SEED on the kernel's command line (APPEND=SEED=...) repeats a run.
# limit: 300
# long limit: 900

# What the driver makes once and keeps: as many timer probes as it allows.
i=11 ticks=
while [ $i -le 111 ]; do
    ticks="$ticks -n tick-${i}ms"
    i=$((i + 1))
done
dtrace -l $ticks > /dev/null 2>&1
fuzz-ioctl 2 1 > /dev/null 2>&1
bytes=$(stat_of memory_bytes)
seed=$(sed -n 's/.*\bSEED=\([0-9]*\).*/\1/p' /proc/cmdline)
images=$(ls /vectors/*.*dof 2> /dev/null)
found=$(fuzz-ioctl "$(of 180 20)" "${seed:-$(date +%s)}" $images 2>&1)
is "every answer is one that the contract knows" $? 0
comment "$found"
matches "programs are enabled" "$found" '^ENABLE +[1-9][0-9]* answered'
matches "and run" "$found" '^GO +[1-9][0-9]* answered'
matches "and read" "$found" '^BUFSNAP +[1-9][0-9]* answered'
is "the kernel has nothing to say" "$(kernel_log)" ""
echo clear > /dev/dtrace
is "no probe is left" "$(stat_of probes_enabled)" 0
is "the driver still counts exactly" "$(dtrace -q -n 'syscall::getppid:entry /execname == "getppid"/ { @ = count(); }' \
    -c 'getppid 100000 4' | grep -c '^ *100000$')" 1
# What a killed process had forked may still be on its way out. A table keeps the size that it needed at its fullest; that
# nothing is lost for good the driver says when it unloads.
tries=0
while [ "$(stat_of memory_bytes)" -gt $((bytes + 16384)) ] && [ $tries -lt 100 ]; do
    usleep 100000
    tries=$((tries + 1))
done
after=$(stat_of memory_bytes)
ok "its memory is back: $bytes bytes before, $after after" test "$after" -le $((bytes + 16384))
ok "it unloads" rmmod dtracedrv
is "and has lost nothing" "$(dmesg | grep -c "dtracedrv: .*lost")" 0
ok "it loads again" load_driver
