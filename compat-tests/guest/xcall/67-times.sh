# What it takes to wait for all CPUs, each way, in one run.
# limit: 300

cat /proc/dtrace/torture-times > times
comment "$(cat times)"
median() { sed -n "s/^$1  *\([0-9]*\) .*/\1/p" times; }
ok "dtrace_sync takes less than an interrupt of every CPU" test "$(median dtrace_sync)" -lt "$(median 'IPI broadcast')"
ok "and less than an expedited grace period" test "$(median dtrace_sync)" -lt "$(median synchronize_rcu_expedited)"
