# The original's own torture programs, in its own userland, on our driver, with every processor busy.
# limit: 2400

PATH=/opt/original/bin:$PATH
. /torture/torture

# The kernel's types, for the original as a file beside its D library.
types=no
if dtrace-ctf "/opt/original/etc/linux-$(uname -r).ctf" > /tmp/ctf 2>&1; then types=yes; else comment "$(cat /tmp/ctf)"; fi
torture 5 $types
is "/proc/dtrace/stats is name=value" "$(grep -Ev '^[^=]+=[0-9]+$' /proc/dtrace/stats)" ""
is "no probe is left" "$(stat_of probes_enabled)" 0
comment "after $(stat_of probes) firings, $(stat_of probe_recursion) of them dropped within another probe"
