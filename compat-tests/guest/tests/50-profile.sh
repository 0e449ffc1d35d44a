# profile-N fires on every processor, tick-N on one.
# limit: 120

cpus=$(nproc)
# Until each has fired a hundred times: a guest that shares its host may lose any number, but never has one too many.
dtrace -q -n 'BEGIN { start = timestamp; } profile-97 { printf("%d\n", cpu); }
    syscall::getppid:entry /execname == "getppid"/ { exit(0); }
    END { printf("end %d\n", (timestamp - start) / 1000000); }' > rows &
tracer=$!
counts() { awk 'NF == 1 { n[$1]++ } END { for (cpu in n) print cpu ":" n[cpu] }' rows; }
tries=0
until [ "$(counts | awk -F: '$2 >= 100' | wc -l)" = "$cpus" ] || [ $tries = 300 ]; do
    usleep 100000
    tries=$((tries + 1))
done
getppid 1
wait $tracer
is "profile-97 fires on every processor" "$(counts | wc -l)" "$cpus"
most=$(awk '/^end/ { print int($2 * 97 / 1000) + 1 }' rows)
is "no more than 97 times a second, $most at most: $(counts | tr '\n' ' ')" "$(counts | awk -F: -v most="$most" '$2 > most')" ""

output=$(dtrace -q -n 'BEGIN { start = timestamp; } tick-10hz { @[cpu] = count(); } tick-10hz /++n == 30/ { exit(0); }
    END { printf("%d ms", (timestamp - start) / 1000000); }')
is "tick-10hz fires on one processor" "$(echo "$output" | awk 'NF == 2 && $2 != "ms" { print $2 }')" 30
is "thirty times in no less than thirty tenths of a second, less one before and the lateness of the first" \
    "$(echo "$output" | awk '$2 == "ms" && $1 >= 2800 { print "yes" }')" yes
for unit in 500ms 500000us 500000000ns 2hz 2 1s; do
    is "tick-$unit" "$(dtrace -q -n "tick-$unit { trace(\"t\"); exit(0); }")" t
done

i=0
while [ $i -lt "$cpus" ]; do
    taskset $((1 << i)) sh -c 'while :; do :; done' &
    i=$((i + 1))
done
is "it interrupts user code" "$(dtrace -q -n 'profile-97 /!arg0 && arg1/ { trace("user"); exit(0); }' | cut -c1-4)" user
