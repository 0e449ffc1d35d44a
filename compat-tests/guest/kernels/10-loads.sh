# The driver has loaded, says one line, and has its nodes and probes.
# limit: 60

rmmod dtracedrv || exit 1
dmesg -c > /dev/null
ok "it loads" load_driver
is "and says one line" "$(kernel_log | grep -c '')" 1
ok "there is /dev/dtrace" test -c /dev/dtrace
matches "all its probes are listed" "$(dtrace -l | wc -l)" '^[0-9]{3,4}$'
is "and BEGIN fires" "$(dtrace -q -n 'BEGIN { trace("begun"); exit(0); }')" begun
