# The driver unloads, leaves nothing, and loads again.
# limit: 60

dmesg -c > /dev/null
ok "it unloads" rmmod dtracedrv
matches "and says so" "$(kernel_log)" 'dtracedrv: unloaded$'
is "no memory of it is left" "$(grep dtracedrv /proc/vmallocinfo)" ""
ok "no node is left" test ! -e /dev/dtrace
ok "no /proc/dtrace is left" test ! -e /proc/dtrace
ok "it loads again" load_driver
