# Some of the original project's torture programs with our own dtrace, for a second each; in the long form all of them for five.
# The original's own userland runs them in full: make compat.
# limit: 600
# long limit: 2400

. /torture/torture
if [ -n "$LONG" ]; then
    torture 5 yes
else
    torture 1 yes badptr-1 copyinstr-1 systrace-stringof-bad3 systrace-stringof-bad5 high-profile1 profile-6 quantize-1 tick-3
fi
is "/proc/dtrace/stats is name=value" "$(grep -Ev '^[^=]+=[0-9]+$' /proc/dtrace/stats)" ""
is "no probe is left" "$(stat_of probes_enabled)" 0
