# The programs of compat-tests/programs in the guest: ours prints what it prints natively, and the original what ours does,
# but where the program says why not.
# limit: 1500

# The original reads all of the kernel's symbols at each start, 1 KB at a time. No program here wants one.
head -n 100 /proc/kallsyms > kallsyms
mount --bind kallsyms /proc/kallsyms
for program in /opt/programs/*.d; do
    name=${program##*/}
    name=${name%.d}
    if grep -q '^#include <' "$program"; then
        skip "$name" "the guest has no headers of the system"
        continue
    fi
    sh /opt/programs/run dtrace "$program" > ours 2>&1
    sh /opt/programs/run /opt/original/bin/dtrace "$program" > theirs 2>&1
    if output=$(diff "/opt/programs/$name.out" ours 2>&1); then
        pass "$name: as natively"
    else
        fail "$name: as natively" "$output"
    fi
    reason=$(sed -n 's|^/\* differs: \(.*\) \*/$|\1|p' "$program")
    if output=$(diff theirs ours 2>&1); then same=yes; else same=; fi
    case $same,$reason in
    yes, | ,?*) pass "$name: the original prints ${same:+the same}${reason:+something else: $reason}" ;;
    yes,*) fail "$name: is said to differ, but does not" ;;
    *) fail "$name: the original prints the same" "$output" ;;
    esac
done
umount /proc/kallsyms
