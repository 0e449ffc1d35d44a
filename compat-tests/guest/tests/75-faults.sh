# A faulting load of any kind costs its clause, fires ERROR with the right fault and address, and nothing else.
# limit: 120

# Nobody maps these: NULL, the first page, a hole in user space, what is not canonical, the hole that the kernel leaves to
# hypervisors.
kernel_hole=0xffff800000001000
not_canonical=0xdead000000000000
cat > faults.d <<END
#pragma D option quiet
#pragma D option destructive
BEGIN { x = *(int *)0; }
BEGIN { x = *(char *)0x10; }
BEGIN { x = *(long *)0x7ffffffff000; }
BEGIN { x = *(short *)$not_canonical; }
BEGIN { x = *(long *)$kernel_hole; }
BEGIN { x = *(long *)0xffffffffffffffff; }
BEGIN { s = stringof(0x20); }
BEGIN { x = strlen((string)$kernel_hole); }
BEGIN { b = copyin(0x30, 8); }
BEGIN { b = copyin($not_canonical, 8); }
BEGIN { b = copyin($kernel_hole, 8); }
BEGIN { b = copyin((uintptr_t)curthread, 8); }
BEGIN { s = copyinstr(0); }
BEGIN { s = copyinstr((uintptr_t)curthread); }
BEGIN { copyinto($kernel_hole, 8, alloca(8)); }
BEGIN { copyout(alloca(8), 0x40, 8); }
BEGIN { copyout(alloca(8), (uintptr_t)curthread, 8); }
BEGIN { copyoutstr("x", 0x50, 2); }
BEGIN { tracemem(0x60, 8); }
BEGIN { bcopy((void *)$kernel_hole, alloca(8), 8); }
BEGIN { bcopy(alloca(8), (void *)curthread, 8); }
BEGIN { zero = 0; x = 1 / zero; }
BEGIN { x = 1 % zero; }
BEGIN { b = alloca(1 << 30); }
BEGIN { task = (uintptr_t)curthread; }
/* The other clauses go on. */
BEGIN { printf("begin\n"); }
ERROR { printf("%d %s\n", arg4, arg5 == task ? "curthread" : arg5 == 0 ? "0" : "at"); faults++; last = arg5; }
ERROR { printf("%x\n", last); }
END { printf("%d faults\n", faults); }
BEGIN { exit(0); }
END
# Whose address is told is written with the fault's number; the clause that keeps curthread's address comes last, so the
# address itself is compared with what the kernel says.
cat > task.d <<END
#pragma D option quiet
BEGIN { task = (uintptr_t)curthread; }
BEGIN { b = copyin(task, 8); }
ERROR /arg4 == 1 && arg5 == task/ { printf("curthread"); }
BEGIN { exit(0); }
END
output=$(dtrace -s faults.d 2> /dev/null)
told=$(echo "$output" | sed -n '/^[0-9]* [0a-z]/{N;s/^\([0-9]*\) [0a-z]*\n\(.*\)$/\1 \2/;p}')
wanted='1 0
1 10
1 7ffffffff000
1 dead000000000000
1 ffff800000001000
1 ffffffffffffffff
1 20
1 ffff800000001000
1 30
1 dead000000000000
1 ffff800000001000
1 TASK
1 0
1 TASK
1 ffff800000001000
1 40
1 TASK
1 50
1 60
1 ffff800000001000
1 TASK
4 0
4 0
5 0'
task=$(echo "$told" | sed -n '12s/^1 //p')
matches "curthread is an address of the kernel" "$task" '^ffff[0-9a-f]{12}$'
is "each fault is told with its kind and its address" "$(echo "$told" | sed "s/ $task\$/ TASK/")" "$wanted"
matches "the clauses between them go on" "$output" '^begin$'
matches "and END" "$output" '^24 faults$'
is "an address that faults is the one that was asked for" "$(dtrace -s task.d 2> /dev/null)" curthread

# In a system call of a process: its own memory is no kernel memory, and a page that it has not touched is not there.
cat > calls.d <<END
#pragma D option quiet
syscall::write:entry /pid == \$target/ { x = *(char *)arg1; }
syscall::write:entry /pid == \$target/ { printf("%s|", copyinstr(arg1, 5)); }
ERROR { printf("%d at %s|", arg4, arg5 == at ? "the buffer" : "elsewhere"); }
syscall::write:entry /pid == \$target/ { done++; }
END { printf("%d", done); }
END
sed -i '2i syscall::write:entry /pid == $target/ { at = arg1; }' calls.d
output=$(dtrace -s calls.d -c '/bin/busybox echo hello' 2> /dev/null)
matches "user memory is not read as the kernel's, and is as the user's" "$output" '1 at the buffer\|hello\|1$'

# A consumer that faults does not disturb another.
dtrace -q -n 'syscall:::entry { @ = sum(*(int *)0); }' 2> /dev/null &
faulty=$!
sleep 2
output=$(dtrace -q -n 'syscall::getppid:entry /execname == "getppid"/ { @ = count(); }' -c 'getppid 10000 2')
matches "another consumer counts every call meanwhile" "$output" '^ +10000$'
kill -INT $faulty; kill $faulty
wait $faulty
ok "the driver unloads" rmmod dtracedrv
load_driver
