# profile-N fires on every processor.
# limit: 60

dtrace -n 'profile-97 { trace(1); } tick-3s { exit(0); }' 2> /dev/null > rows
counts=$(awk '$3 == ":profile-97" { n[$1]++ } END { for (cpu in n) print cpu ":" n[cpu] }' rows)
is "profile-97 fires on every processor" "$(echo "$counts" | wc -l)" "$(nproc)"
is "about 97 times a second: $(echo $counts)" "$(echo "$counts" | awk -F: '$2 < 100 || $2 > 300')" ""
output=$(dtrace -q -n 'tick-10hz { @ = count(); } tick-3s { exit(0); }')
is "tick-10hz on one: about 30 times in three seconds" "$(echo "$output" | awk 'NF == 1 && $1 >= 20 && $1 <= 31 { print "yes" }')" yes
