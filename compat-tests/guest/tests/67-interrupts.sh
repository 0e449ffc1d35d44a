# To enable, run and disable more than a thousand probes takes no interrupt of another processor beyond what it takes the kernel to
# switch its two tracepoints of system calls on and off, whoever asks for that: the function-call interrupts of /proc/interrupts.
# limit: 200

if [ "$(nproc)" = 1 ]; then
    skip "no interrupts of other processors" "there is one"
    exit 0
fi
events=/sys/kernel/tracing/events/raw_syscalls
calls() { awk '/^ *CAL:/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts; }
# during COMMAND...: how many there are meanwhile.
during() {
    local before
    before=$(calls)
    "$@" > /dev/null 2>&1
    echo $(($(calls) - before))
}
work="getppid 2000 $(nproc)"
# The kernel's own tracing is on, and then off.
kernel() {
    echo 1 > $events/enable
    $work
    echo 0 > $events/enable
}
ours() { dtrace -q -n "$1 { @ = count(); }" -c "$work"; }

probes=$(($(dtrace -l -n 'syscall:::' | wc -l) - 1))
for round in 1 2 3 4 5; do
    during $work >> nothing
    during kernel >> kernel
    during ours BEGIN >> begin
    during ours syscall::getppid: >> two
    during ours syscall::: >> all
done
sorted() { sort -n $1 | tr '\n' ' '; }
median() { sort -n $1 | sed -n 3p; }
spread() { sort -n $1 | sed -n '1h; 5{ G; s/\n/ /; p; }' | awk '{ print $1 - $2 }'; }
for run in nothing kernel begin two all; do comment "$run: $(sorted $run)"; done
# What five runs of the same differ by.
noise=$(for run in nothing kernel begin two all; do spread $run; done | sort -n | tail -1)
ok "more than a thousand probes: $probes" test "$probes" -gt 1000
more=$(($(median all) - $(median begin) - $(median kernel)))
ok "they take none that the kernel's own tracing of the same would not: $more more, with a noise of $noise" test $more -le "$noise"
more=$(($(median all) - $(median two)))
ok "nor do they take more than two probes, but for what more work brings with it: $more more, with a noise of $noise" \
    test $more -le $((noise + probes / 16))
