# The driver loads and unloads any number of times, says one line each time, and leaves nothing.
# limit: 120

rmmod dtracedrv || exit 1
dmesg -c > /dev/null
rounds=0
while [ $rounds -lt 20 ]; do
    load_driver || break
    rmmod dtracedrv || break
    rounds=$((rounds + 1))
done
is "twenty rounds of loading and unloading" "$rounds" 20
kernel_log > said
is "one line in the kernel log for each" "$(grep -c dtracedrv said)" 40
is "and no other" "$(grep -v dtracedrv said)" ""
is "no memory of it is left" "$(grep dtracedrv /proc/vmallocinfo)" ""
ok "no node is left" test ! -e /dev/dtrace
ok "no /proc/dtrace is left" test ! -e /proc/dtrace
ok "it loads again" load_driver
