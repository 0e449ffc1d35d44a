# Several consumers at once, each exact; and consumers that are killed in the middle of their work, after which the driver holds
# not a byte more than before. 50 rounds of that; in the long form a thousand.
# limit: 400
# long limit: 3600

calls=100000
consumer=1 consumers=
while [ $consumer -le 8 ]; do
    dtrace -q -o all.$consumer -n 'BEGIN { printf("begun\n"); }
        syscall::getppid:entry /execname == "getppid"/ { @ = count(); }
        syscall::getppid:return /execname == "getppid"/ { @r = count(); }
        syscall::exit_group:entry /execname == "last"/ { exit(0); }
        END { printa("%@d ", @); printa("%@d\n", @r); }' 2>&1 &
    consumers="$consumers $!"
    consumer=$((consumer + 1))
done
tries=0
while [ "$(cat all.* 2> /dev/null | grep -c begun)" -lt 8 ] && [ $tries -lt 600 ]; do
    usleep 100000
    tries=$((tries + 1))
done
is "eight consumers trace at once" "$(cat all.* | grep -c begun)" 8
workload &
workload=$!
getppid $calls 4
# A program whose end is what they wait for.
cp /usr/local/bin/getppid last
./last 0
wait $consumers
kill $workload
is "each counts every call and every return" "$(grep -h "^$calls" all.* | sort | uniq -c | awk '{ print $1, $2, $3 }')" \
    "8 $calls $calls"

available() { sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo; }
rounds 4 > /dev/null
before=$(available)
ok "consumers that are killed at work leave nothing" rounds "$(of 1000 50)"
comment "available memory before: $before KiB, after: $(available) KiB"
# The driver's own account is exact; the kernel's goes up and down by a dozen MiB. Each round takes more than half a MiB.
ok "the machine has what it had, give or take 32 MiB" test "$(available)" -gt $((before - 32768))
is "no probe is enabled" "$(stat_of probes_enabled)" 0
ok "the driver unloads" rmmod dtracedrv
ok "and loads" load_driver
