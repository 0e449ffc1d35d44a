# A list of a hundred thousand probes, and what it takes: with COUNTED=1 a nanosecond is an instruction.
# limit: 300

probes=$(sed -n 's/^probes=//p' /proc/dtrace/torture-probes)
ok "there are more than a hundred thousand probes" test "$probes" -gt 100000
now() { cut -d ' ' -f 1 /proc/uptime; }
began=$(now)
dtrace -l > list
ended=$(now)
comment "dtrace -l of $probes probes: $(awk -v a="$began" -v b="$ended" 'BEGIN { print b - a }') s"
is "dtrace -l lists each of them" "$(sed 1d list | wc -l)" "$probes"
is "in order, once" "$(sed 1d list | awk '$1 <= last { print } { last = $1 }')" ""
is "with a pattern those that match it" "$(dtrace -l -n 'crowd:module7:*_70*:entry' | sed 1d | wc -l)" 100
