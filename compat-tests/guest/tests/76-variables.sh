# The built-in variables mean in the kernel what their documentation says.
# limit: 240

mkdir -p /mnt/deep && mount -t tmpfs none /mnt/deep && mkdir -p /mnt/deep/er

# trace D PART...: the program's own words, then those of the probes, each on a line.
trace() {
    local d=$1
    shift
    rm -f told
    dtrace -q -o told -n "$d" -c "witness $*" > said 2> complained
}

trace 'syscall::getppid:entry /pid == $target/ { printf("%d %d %d %d %d\n", pid, tid, ppid, uid, gid); }' who
is "pid is the process, tid the thread, ppid the parent's process, uid and gid the real ids" "$(grep . told)" "$(cat said)"
ok "and the two differ" sh -c 'read -r pid tid rest < said; test "$pid" != "$tid"'

trace 'syscall::getppid:entry /pid == $target/ { printf("%s %s %s:%s:%s:%s %d\n", execname, zonename, probeprov, probemod,
    probefunc, probename, walltimestamp / 1000000000); }' who
read -r name zone probe seconds < told
is "execname, zonename and the parts of the probe's name" "$name $zone $probe" "witness global syscall:x64:getppid:entry"
now=$(date +%s)
ok "walltimestamp is the time of day" test "$((now - seconds))" -ge 0 -a "$((now - seconds))" -le 20

trace 'syscall::getpgid:entry /pid == $target && arg0 == 1/ { self->v = vtimestamp; self->t = timestamp; }
    syscall::getpgid:entry /pid == $target && arg0 == 2/ { printf("%d %d\n", (vtimestamp - self->v) / 1000000,
    (timestamp - self->t) / 1000000); }' time
read -r virtual real < told
spent=$(cat said)
comment "vtimestamp $virtual ms, timestamp $real ms, CPU time $spent ms"
ok "vtimestamp is the time on the CPU" test $((virtual - spent)) -ge -25 -a $((virtual - spent)) -le 60
ok "timestamp is all of it" test "$real" -ge $((spent + 290))

# 2000 probes of 50 us each.
trace 'syscall::getpgid:entry /pid == $target && arg0 == 1/ { self->v = vtimestamp; }
    syscall::getppid:entry /pid == $target/ { chill(50000); }
    syscall::getpgid:entry /pid == $target && arg0 == 2/ { printf("%d\n", (vtimestamp - self->v) / 1000); }' calls 2000
is "a probe may not spin without -w" "$(cat told 2> /dev/null)" ""
rm -f told
dtrace -q -w -o told -n 'syscall::getpgid:entry /pid == $target && arg0 == 1/ { self->v = vtimestamp; self->t = timestamp; }
    syscall::getppid:entry /pid == $target/ { chill(50000); }
    syscall::getpgid:entry /pid == $target && arg0 == 2/ { printf("%d %d\n", (vtimestamp - self->v) / 1000,
    (timestamp - self->t) / 1000); }' -c 'witness calls 2000' > said
read -r virtual real < told
comment "vtimestamp $virtual us, timestamp $real us, of which 100000 in probes; by the kernel's account $(cat said) us"
ok "vtimestamp leaves out the time in probes" test "$virtual" -le $((real - 95000))
ok "and not all of it" test "$virtual" -ge 100

trace 'syscall::getpgid:entry /pid == $target && arg0 == 7/ { printf("%x %d %d %d %x %x\n", uregs[45], uregs[4] == arg0,
    uregs[27] == 7, uregs[13], uregs[15], uregs[37]); }' regs
is "uregs: fs base, rdi by both numbers, the call's number, cs by both" "$(grep . told)" "$(cat said) 1 1 121 33 33"

trace 'syscall::getpgid:entry /pid == $target && arg0 == 7/ { printf("%x %d %d %d %d\n", ucaller, ustackdepth, stackdepth,
    caller != 0, ipl); stack(); ustack(); }' frames
read -r ucaller udepth depth called ipl < told
read -r low high < said
ok "ucaller is in the function that called" test $((0x$ucaller)) -gt $((0x$low)) -a $((0x$ucaller)) -lt $((0x$high))
ok "ustackdepth counts its callers" test "$udepth" -ge 3
ok "stackdepth counts the kernel's frames" test "$depth" -ge 2
is "which stack() shows" "$(grep -c '^ *[a-zA-Z_0-9.\`]\{1,\}\(+0x[0-9a-f]*\)\{0,1\}$' told)" "$((depth + udepth))"
is "caller is one of them, and ipl of a thread is 0" "$called $ipl" "1 0"

output=$(dtrace -q -n 'profile-997 /arg0/ { printf("%a %d %d\n", arg0, ipl, arg1); stack(1); } tick-2s { exit(0); }')
echo "$output" | sed 's/^ *//' | awk 'NF == 3 { ipls[$2 " " $3]++; want = $1; next } NF == 1 { if ($1 == want) same++; else other++ }
    END { printf "%d %d", (same > 0), other; for (i in ipls) printf " %s", i }' > counted
is "a stack of profile begins where the kernel was interrupted, at ipl 2" "$(cat counted)" "1 0 2 0"

trace 'syscall::close:return /pid == $target && arg1 < 0/ { printf("%d %d %d\n", arg0, arg1, errno); }
    syscall::close:return /pid == $target && arg1 == 0/ { printf("%d %d\n", arg0, errno); }' errors
is "errno is that of the call that returns" "$(grep . told | tr '\n' ' ')" "-1 -9 9 0 0 "

trace 'syscall::getppid:entry /pid == $target/ { printf("%d %d %d %d\n", curthread->tgid == pid, curthread->pid == tid,
    progenyof($target), progenyof(pid)); printf("%d %d\n", progenyof(1), progenyof(99999)); }' who
is "curthread is the task; progenyof knows ancestors" "$(grep . told | tr '\n' ' ')" "1 1 1 1 1 0 "

output=$(dtrace -q -n 'syscall::getppid:entry /execname == "getppid"/ { @[rand()] = count(); } END { printa("%@d\n", @); }' -c 'getppid 200')
ok "rand() differs" test "$(echo "$output" | grep -c '^1$')" -ge 190
printf 'cat %040000d\n' 7 > long.sh
output=$(dtrace -q -x strsize=64k -x bufsize=4m -x aggsize=4m -n 'syscall::open*:entry /execname == "cat"/ {
    printf("%s\n", copyinstr(probefunc == "open" ? arg0 : arg1)); }' -c 'sh long.sh' 2> /dev/null)
is "strings of 40,000 bytes" "$(echo "$output" | awk 'length($0) == 40000 { n++ } END { print n + 0 }')" 1
output=$(dtrace -n 'string s; BEGIN { s = execname; exit(0); }' -x strsize=64k 2>&1)
matches "but no variable is larger than 16 KiB" "$output" 'DIF program content is invalid'
output=$(dtrace -q -n 'BEGIN { printf("%d %d", getmajor(0x800011), getminor(0x800011)); exit(0); }')
is "getmajor and getminor take the kernel's numbers" "$output" "8 17"
trace 'syscall::getppid:entry /pid == $target/ { printf("%d %d", mutex_owned((void *)&curthread->signal->cred_guard_mutex),
    (uintptr_t)mutex_owner((void *)&curthread->signal->cred_guard_mutex)); printf(" %d %d", rw_write_held((void *)&curthread->mm->mmap_lock),
    mutex_type_adaptive((void *)&curthread->signal->cred_guard_mutex)); }' who
is "a mutex that nobody holds has no owner" "$(grep . told)" "0 0 0 1"

# Descriptors 10 to 19, through the task's own table of files.
fd='curthread->files->fdt->fd'
d='syscall::getpgid:entry /pid == $target && arg0 == 7/ {'
n=10
while [ $n -lt 20 ]; do
    d="$d printf(\"%s\\n\", stringof(d_path($fd[$n])));"
    n=$((n + 1))
done
trace "$d }" files
is "d_path() gives the paths that /proc gives" "$(grep . told)" "$(cat said)"
is "and of no file" "$(dtrace -q -n 'BEGIN { printf("%s", stringof(d_path((struct file *)0))); exit(0); }')" "<unknown>"
umount /mnt/deep
ok "the driver unloads" rmmod dtracedrv
load_driver
