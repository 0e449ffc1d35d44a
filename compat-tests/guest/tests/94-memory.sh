# Memory: a caller whose page never comes waits alone; and no consumer takes what the machine needs to live.
# limit: 240

stall > said 2>&1 &
stalled=$!
tries=0
until [ -s said ] || [ $tries = 300 ]; do
    usleep 100000
    tries=$((tries + 1))
done
if grep -q '^waiting' said; then
    is "others trace beside it" "$(timeout 60 dtrace -q -n 'BEGIN { trace("traced"); exit(0); }')" traced
    ok "the statistics are shown" timeout 60 cat /proc/dtrace/stats
    kill -KILL $stalled
    wait $stalled
    is "it can be killed" $? 137
else
    skip "others trace beside it" "$(cat said)"
fi

speculating='BEGIN { self->x = speculation(); } BEGIN { exit(0); }'
output=$(timeout 120 dtrace -q -x nspec=1000000 -x specsize=4m -n "$speculating" 2>&1)
is "a million speculations of four megabytes are refused" $? 1
is "in one line" "$(echo "$output" | wc -l)" 1
matches "which says why" "$output" 'memory'
# Several consumers, each with what it can get.
memory() { awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo; }
for i in 1 2 3 4 5 6; do
    timeout 60 dtrace -q -b 256m -x aggsize=256m -n 'BEGIN { @ = count(); } tick-5s { exit(0); }' > out.$i 2>&1 &
done
total=$(memory MemTotal) least=$(memory MemAvailable) tries=0
while [ $tries -lt 80 ]; do
    available=$(memory MemAvailable)
    [ "$available" -gt "$least" ] || least=$available
    usleep 100000
    tries=$((tries + 1))
done
wait
ok "six greedy consumers leave a part of the memory: $((least / 1024)) of $((total / 1024)) MiB" [ $((least * 16)) -gt "$total" ]
is "nobody was killed for want of memory" "$(dmesg | grep -c -i 'out of memory\|oom-kill')" 0
is "tracing goes on" "$(dtrace -q -n 'BEGIN { trace("traced"); exit(0); }')" traced
ok "the driver unloads" rmmod dtracedrv
load_driver
