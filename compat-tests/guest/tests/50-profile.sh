# profile-N fires on every processor, tick-N on one.
# limit: 120

cpus=$(nproc)
# A row begins with the processor. Three seconds are 291 firings on each; a guest that shares its host loses some.
dtrace -n 'profile-97 { trace(1); } tick-3s { exit(0); }' 2> /dev/null > rows
counts=$(awk '$3 == ":profile-97" { n[$1]++ } END { for (cpu in n) print cpu ":" n[cpu] }' rows)
is "profile-97 fires on every processor" "$(echo "$counts" | wc -l)" "$cpus"
is "about 97 times a second: $(echo $counts)" "$(echo "$counts" | awk -F: '$2 < 100 || $2 > 300')" ""

output=$(dtrace -q -n 'tick-10hz { @ = count(); } tick-3s { exit(0); }')
is "tick-10hz fires on one processor: about 30 times in three seconds" \
    "$(echo "$output" | awk 'NF == 1 && $1 >= 20 && $1 <= 31 { print "yes" }')" yes
for unit in 500ms 500000us 500000000ns 2hz 2 1s; do
    is "tick-$unit" "$(dtrace -q -n "tick-$unit { trace(\"t\"); exit(0); }")" t
done

i=0
while [ $i -lt "$cpus" ]; do
    taskset $((1 << i)) sh -c 'while :; do :; done' &
    i=$((i + 1))
done
output=$(dtrace -q -n 'profile-97 { @[arg0 != 0 ? "kernel" : "user"] = count(); } tick-2s { exit(0); }')
matches "it interrupts user code" "$output" '^ +user +[0-9]+$'
