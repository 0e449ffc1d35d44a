# Nothing is lost under load: four processors do nothing but the traced call, in each buffer policy, and every firing is counted
# and recorded or counted as a drop. 200,000 firings each; in the long form ten million.
# limit: 400
# long limit: 4000

calls=$(of 10000000 200000)
for policy in switch fill ring; do
    # Room for some thousand records, and for all of the short form's.
    for size in 65536 $(of "" 8388608); do
        found=$(exact $policy $size $calls 4 2>&1)
        is "counts are calls, records and drops are calls: $found" $? 0
    done
    got=$(dtrace -q -x bufpolicy=$policy -n 'syscall::getppid:entry /execname == "getppid"/ { @[pid] = count(); @all = count(); }
        END { printa("%@d\n", @all); }' -c "getppid $calls 4")
    is "$policy: the dtrace command counts them all" "$(echo "$got" | head -n 1)" "$calls"
    is "$policy: a quarter by each process" "$(echo "$got" | awk 'NF == 2 { print $2 }' | sort | uniq -c | awk '{ print $1, $2 }')" \
        "4 $((calls / 4))"
done
