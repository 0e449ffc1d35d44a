# The original project's torture programs with our own dtrace, a second each in place of five. The original's own userland runs
# them in full: make compat.
# limit: 300
# long limit: 1200

. /torture/torture
torture "$(of 5 1)" yes
is "/proc/dtrace/stats is name=value" "$(grep -Ev '^[^=]+=[0-9]+$' /proc/dtrace/stats)" ""
is "no probe is left" "$(stat_of probes_enabled)" 0
