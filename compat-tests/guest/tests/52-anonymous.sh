# Anonymous tracing: what dtrace -A saves begins when the driver is loaded, and dtrace -a claims it.
# limit: 120

file=/lib/firmware/dtrace/anonymous.dof
boot=/etc/modules-load.d/dtrace-anonymous.conf
mkdir -p /etc/modules-load.d
waits() { sed -n 's/^anonymous=//p' /proc/dtrace/stats; }
reload() { rmmod dtracedrv; dmesg -c > /dev/null; load_driver; }
said() { dmesg | sed -n 's/.*dtracedrv: anonymous tracing: //p'; }

program='BEGIN { printf("begun\n"); } END { printf("ended\n"); }
    syscall::getppid:entry /execname == "getppid"/ { @["entry"] = count(); }
    syscall::getppid:return /execname == "getppid"/ { @["return"] = count(); printf("%s %d\n", probefunc, ++n); }'
output=$(dtrace -A -q -x bufsize=1m -n "$program" 2>&1)
is "-A says what it has saved and what is to be done" "$output" "dtrace: saved anonymous enabling in $file
dtrace: added dtracedrv to $boot
dtrace: load the driver anew or reboot to enable changes"
is "the driver is among those to be loaded" "$(grep -v '^#' $boot)" dtracedrv
is "a driver that is loaded takes no notice" "$(waits)" 0

ok "the driver loads with an enabling" reload
is "and says what it has enabled" "$(said | sed 's/ enabled [4-9] probes/ enabled some probes/')" "5 clauses enabled some probes"
is "nobody has claimed it" "$(waits)" 1
getppid 400
output=$(dtrace -q -n 'BEGIN { trace("mine"); exit(0); }')
is "other consumers have their own" "$output" mine
getppid 600
dtrace -ae > output 2> messages
is "dtrace -ae exits well and has nothing to say" "$?$(cat messages)" 0
is "BEGIN came first, END last, and between them every call since the driver was loaded" \
    "$(sed -n '1p; $!d' output)$(grep -c '^getppid' output)$(grep -A1 'getppid 1000$' output | tail -n 1)" begun1000ended
is "aggregations count each exactly" "$(grep -E '^ *(entry|return)' output | awk '{ print $1, $2 }' | tr '\n' ' ')" \
    "entry 1000 return 1000 "
is "it is gone" "$(waits)" 0
is "and cannot be claimed again" "$(dtrace -ae 2>&1; echo $?)" "dtrace: could not enable tracing: No anonymous tracing state
1"
is "no probe is left enabled" "$(sed -n 's/^probes_enabled=//p' /proc/dtrace/stats)" 0

reload
getppid 10
ok "an enabling that nobody has claimed does not keep the driver loaded" rmmod dtracedrv
is "and leaves no memory" "$(dmesg | sed -n 's/.*dtracedrv: \(unloaded.*\)/\1/p')" unloaded

insmod /lib/modules/"$(uname -r)"/extra/dtracedrv.ko anonymous=0
is "with anonymous=0 the driver does not look" "$(waits)$(cat /sys/module/dtracedrv/parameters/anonymous)" 0N

dtrace -A -q -n 'BEGIN { trace(1); } tick-10ms /++n == 3/ { exit(4); } syscall::getppid:entry /execname == "getppid"/ { trace("late"); }
    END { trace("end"); }' 2> /dev/null
reload
sleep 0.5
getppid 3
output=$(dtrace -a)
is "what has ended by itself is there, with its status" "$?$output" 41end

dtrace -A -q -x bufpolicy=ring -b 4k -n 'syscall::getppid:entry /execname == "getppid"/ { printf("%d\n", ++n); }' 2> /dev/null
reload
taskset 1 getppid 5000
dtrace -ae > output
is "a ring has the newest" "$(grep . output | tail -n 1)" 5000
ok "and no more than it has room for" test "$(grep -c . output)" -lt 1000

cp $file whole
size=$(wc -c < whole)
for bad in 0 63 $((size / 2)) $((size - 1)); do
    head -c "$bad" whole > $file
    reload
    is "of a file that is cut after $bad bytes nothing is used" "$(waits)" 0
    matches "as the log says" "$(said)" 'the saved enabling (is not used|cannot be read): '
done
dd if=/dev/urandom of=$file bs=1k count=8 2> /dev/null
reload
is "nor of noise" "$(waits)" 0
dd if=/dev/zero of=$file bs=1M count=5 2> /dev/null
reload
is "nor of what is too long" "$(waits) $(said)" "0 the saved enabling is not used: more than 4194304 bytes are saved"
ok "and everything else works" dtrace -q -n 'BEGIN { exit(0); }'

output=$(dtrace -A 2>&1)
is "-A without a program cleans up" "$output" "dtrace: cleaned up old anonymous enabling in $file
dtrace: removed $boot"
ok "nothing of it is left" test ! -e $file -a ! -e $boot
reload
is "a driver that finds nothing says nothing of it" "$(waits)$(said)" 0
