# What each privilege of /etc/dtrace.conf allows, and what it does not.
# limit: 240

rules() { printf 'clear\n%s\n' "$1" > /dev/dtrace; }
# user D...: a program of user 1000.
user() { as 1000 1000 dtrace -q -n "$@"; }
# A process of root's, and one of the user's, that make calls until they are ended.
witness wait > ready & roots=$!
as 1000 1000 witness wait > ready2 & users=$!
until grep -q ready ready && grep -q ready ready2; do sleep 0.1; done
whose='syscall::getppid:entry /execname == "witness"/ { @[uid] = count(); } tick-1s { exit(0); } END { printa("%d ", @); }'
kernel='BEGIN { trace((int64_t)curthread); } ERROR { printf("%d", arg4); } BEGIN { exit(0); }'

rules ''
output=$(user 'BEGIN { exit(0); }' 2>&1)
is "without a rule nothing is allowed" $? 1
printf 'all priv_kernel\n' | as 1000 1000 tee /dev/dtrace > /dev/null
user 'BEGIN { exit(0); }' 2> /dev/null
is "and who is not root makes no rules" $? 1
is "root may do everything all the same" "$(dtrace -q -n "$whose" | tr ' ' '\n' | grep . | sort -n | tr '\n' ' ')" "0 1000 "

rules 'uid 1000 priv_user'
is "priv_user: one's own processes" "$(user "$whose")" "1000 "
is "priv_user: not the kernel" "$(user "$kernel" 2> /dev/null)" 6
is "priv_user: not the kernel's stack" "$(user 'BEGIN { stack(); } ERROR { printf("%d", arg4); } BEGIN { exit(0); }' 2> /dev/null)" 6
# A program of the user's, and one of root's, that are always in user mode but for calls now and then.
as 1000 1000 sh -c 'while :; do :; done' & spins=$!
sh -c 'while :; do :; done' & roots_spin=$!
# sampled: of whom profile tells the user, and whether it tells him where the kernel was.
sampled() { user 'profile-997 { @[uid, arg0 != 0] = count(); } tick-2s { exit(0); } END { printa("%d:%d ", @); }' | tr ' ' '\n' | grep . | sort | tr '\n' ' '; }
is "priv_user: profile, of one's own, in user mode only" "$(sampled)" "1000:0 "
output=$(user 'BEGIN { exit(0); }' -b 64m 2>&1)
is "priv_user: no more than 16 MiB of buffers" $? 1
user 'BEGIN { exit(0); }' -b 8m
is "priv_user: 8 MiB are allowed" $? 0
output=$(as 1000 1000 dtrace -q -w -n "syscall::getppid:entry /pid == $users/ { stop(); exit(0); }" 2>&1)
tries=0
until grep -q ') T ' /proc/$users/stat || [ $tries = 300 ]; do
    usleep 100000
    tries=$((tries + 1))
done
ok "priv_user: one's own process may be stopped" grep -q ') T ' /proc/$users/stat
kill -CONT $users
output=$(as 1000 1000 dtrace -q -w -n 'BEGIN { chill(1000); } ERROR { printf("%d", arg4); } BEGIN { exit(0); }' 2> /dev/null)
is "priv_user: the machine may not be held up" "$output" 6
output=$(as 1000 1000 dtrace -q -w -n 'BEGIN { panic(); } ERROR { printf("%d", arg4); } BEGIN { exit(0); }' 2> /dev/null)
is "priv_user: nor stopped" "$output" 6
# A program that runs with root's rights is not one's own, whoever started it.
cp "$(command -v witness)" /tmp/test/raised && chown 0:0 /tmp/test/raised && chmod 4755 /tmp/test/raised
chmod 755 /tmp/test
mount | grep -q ' /tmp .*nosuid' && mount -o remount,suid /tmp
as 1000 1000 /tmp/test/raised wait > ready3 & raised=$!
until grep -q ready ready3; do sleep 0.1; done
is "the program runs with root's rights" "$(awk '/^Uid/ { print $2, $3 }' /proc/$raised/status)" "1000 0"
is "priv_user: not a process with more rights than one's own" "$(user "syscall::getppid:entry /pid == $raised/ { @ = count(); } tick-1s { exit(0); } END { printa(\"%@d\", @); }")" ""
kill $raised
# Nor one that has a capability from elsewhere: 21 is CAP_SYS_ADMIN.
as 1000 1000 21 witness wait > ready4 & capable=$!
until grep -q ready ready4; do sleep 0.1; done
is "the process has a capability" "$(awk '/^CapEff/ { print $2 }' /proc/$capable/status)" 0000000000200000
is "priv_user: not a process with a capability" "$(user "syscall::getppid:entry /pid == $capable/ { @ = count(); } tick-1s { exit(0); } END { printa(\"%@d\", @); }")" ""
kill $capable

rules 'uid 1000 priv_user priv_owner'
is "priv_owner: the processes of others" "$(user "$whose" | tr ' ' '\n' | grep . | sort -n | tr '\n' ' ')" "0 1000 "
is "priv_owner: not the kernel" "$(user "$kernel" 2> /dev/null)" 6
output=$(sampled)
matches "priv_owner: profile, of others too" "$output" '^0:0 .*1000:0 $'
is "but in user mode only" "$(echo "$output" | tr ' ' '\n' | grep -c :1)" 0
kill $spins $roots_spin
rules 'gid 1000 priv_user priv_proc'
is "priv_proc, by group: any process" "$(user "$whose" | tr ' ' '\n' | grep . | sort -n | tr '\n' ' ')" "0 1000 "
rules 'all priv_proc'
as 1000 1000 dtrace -l > listed
is "priv_proc alone: the list is answered" $? 0
is "and has no probes of system calls" "$(grep -c ' syscall ' listed)" 0
ok "but the driver's own" grep -q ' BEGIN$' listed

rules 'uid 1000 priv_kernel'
is "priv_kernel: all processes" "$(user "$whose" | tr ' ' '\n' | grep . | sort -n | tr '\n' ' ')" "0 1000 "
matches "priv_kernel: and kernel memory" "$(user 'BEGIN { trace(curthread->pid); exit(0); }' 2>&1)" '^ *[0-9]+ *$'
output=$(as 1000 1000 dtrace -q -w -n "syscall::getppid:entry /pid == $roots/ { stop(); } ERROR { printf(\"%d\", arg4); exit(0); }" 2> /dev/null)
is "priv_kernel: but not a hand on the processes of others" "$output" 7
is "which runs on" "$(sed 's/.*) \(.\) .*/\1/' /proc/$roots/stat | tr DR SS)" S
output=$(as 1000 1000 dtrace -q -w -n 'BEGIN { chill(1000); } ERROR { printf("%d", arg4); } BEGIN { exit(0); }' 2> /dev/null)
is "priv_kernel: nor on the machine" "$output" 6

rules 'uid 1000 priv_everything'
user 'BEGIN { exit(0); }' 2> /dev/null
is "a rule with an unknown privilege is none" $? 1
printf 'clear\n# uid  200 priv_proc\nuid 200 priv_user priv_owner # both\ngid 201 priv_kernel\nall priv_proc\n' > /dev/dtrace
is "the table is shown in /proc/dtrace/security" "$(cat /proc/dtrace/security)" "uid  200 priv_user priv_owner
gid  201 priv_kernel
all  priv_proc"
rules ''
kill $roots $users
