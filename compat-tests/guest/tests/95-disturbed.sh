# Under full tracing no system call has a wrong result; and however a consumer ends, in the middle of its work, no probe is left and
# nothing is lost. 50,000 opens and 12 ends; in the long form five million and a thousand, and everything traced for a minute.
# limit: 400
# long limit: 9000

: > present
dtrace -q -n 'syscall:::entry { @e[probefunc] = count(); } syscall:::return { @r[probefunc, errno] = count(); }
    syscall::open*:return /execname == "opens"/ { @[errno] = count(); }
    END { trunc(@e); trunc(@r); printa("of opens %d %@d\n", @); }' \
    -c "opens $(of 5000000 50000) present missing" > out 2>&1
is "opens of a file that is there and of one that is not, fully traced, have not one wrong result" "$?" 0
is "and are all counted" "$(grep '^of opens 2 ' out)" "of opens 2 $(of 5000000 50000)"

kernel_log > /dev/null
workload &
loads=$!
timeout -s INT "$(of 60 5)" dtrace -q -n 'syscall:::' > /dev/null 2> err
is "everything is traced for a while, and nothing but drops is said of it" "$(grep -v -i drop err)" ""
is "and the kernel has nothing to say" "$(kernel_log)" ""

ok "however a consumer ends in the middle of its work, no probe and no byte is left" ends "$(of 1000 12)"
kill $loads
is "and the kernel has nothing to say of that" "$(kernel_log)" ""
ok "the driver unloads" rmmod dtracedrv
ok "and loads" load_driver
