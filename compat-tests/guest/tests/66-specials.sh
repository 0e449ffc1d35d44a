# The system calls that are special to who traces them: entries and returns are what a 64-bit and a 32-bit program made, to the last
# one, and neither is disturbed. Whether each is seen by a hook of its own or by the one for all calls. What seccomp refuses (five
# getpgid and two execve) is not entered and returns.
# limit: 240

here() { echo "/usr/local/bin/specials$1"; }

# What a program makes, as "module call entries returns".
wanted() {
    if [ "$1" = 64 ]; then own=x64 other=x32; else own=x32 other=x64; fi
    cat <<END
$own fork 13 13
$own vfork 2 2
$own clone 2 2
$own clone3 3 3
$own execve 7 9
$own execveat 4 4
$own exit 11 0
$own exit_group 5 0
$other exit_group 2 0
$own wait4 19 19
$own rt_sigreturn $(if [ "$1" = 64 ]; then echo 5 5; else echo 4 4; fi)
$own kill $(if [ "$1" = 64 ]; then echo 4 4; else echo 7 7; fi)
$own getpid $(if [ "$1" = 64 ]; then echo 2 2; else echo 7 7; fi)
$own iopl 2 2
$own nanosleep 1 1
$own restart_syscall 1 1
$own pipe2 1 1
$own read 2 2
$own prctl 4 2
$own getpgid 0 5
END
    if [ "$1" = 64 ]; then echo "x32 getpid 5 5"; else echo "x32 sigreturn 4 4"; fi
}

# What dtrace counted in the same form, without the names that are not in the list.
names=' fork vfork clone clone3 execve execveat exit exit_group wait4 rt_sigreturn sigreturn kill getpid iopl nanosleep restart_syscall pipe2 read prctl getpgid '
counted() { awk -v names="$names" '{ n[$2 " " $3, $1] = $4; seen[$2 " " $3] }
    END { for (call in seen) if (index(names, " " substr(call, 5) " ")) print call, n[call, "entry"] + 0, n[call, "return"] + 0 }' | sort; }

of_either='/execname == "specials64" || execname == "specials32"/ { @[probename, probemod, probefunc] = count(); }'
for bits in 64 32; do
    other=$((96 - bits))
    ok "specials$bits, untraced" "$(here $bits)" "$(here $other)"
    rm -f found; dtrace -q -o found -n "syscall::: $of_either" -c "$(here $bits) $(here $other)" > said 2>&1
    is "specials$bits ends as untraced, and says nothing" "$? $(cat said)" "0 "
    is "each of its special calls is seen as often as it was made" "$(grep . found | counted)" "$(wanted $bits | sort)"
    # Each hooked by itself, while no return is traced.
    rm -f found; dtrace -q -o found -n "$(for name in $names; do echo "syscall::$name:entry,"; done | sed '$s/,$//') $of_either" \
        -c "$(here $bits) $(here $other)" > said 2>&1
    is "with a hook on each handler it ends as untraced" "$? $(cat said)" "0 "
    is "and the entries are the same" "$(grep . found | counted | awk '{ print $1, $2, $3 }')" \
        "$(wanted $bits | awk '$3 != 0 { print $1, $2, $3 }' | sort)"
    # Only the returns of those calls that come back as others.
    rm -f found; dtrace -q -o found -n "syscall::execve:return, syscall::execveat:return, syscall::rt_sigreturn:return, syscall::sigreturn:return
        $of_either" -c "$(here $bits) $(here $other)" > said 2>&1
    is "the returns of the calls that come back as others, alone" "$(grep . found | counted | awk '{ print $1, $2, $4 }')" \
        "$(wanted $bits | grep -E ' (execve|execveat|rt_sigreturn|sigreturn) ' | awk '{ print $1, $2, $4 }' | sort)"
    output=$(dtrace -q -n 'syscall::read:return, syscall::nanosleep:return /execname == "'specials$bits'"/ { printf("%s %d\n", probefunc, arg1); }' \
        -c "$(here $bits) $(here $other)" 2> /dev/null | grep . | sort | tr '\n' ' ')
    is "what is interrupted returns the kernel's own number, and then again" "$output" "nanosleep -516 read -512 read 1 "
    if command -v strace > strace.path; then
        strace -f -qq -c -o traced "$(here $bits)" "$(here $other)"
        # In its table of the program's own calls: neither those that do not return, nor the watchers', nor what it interrupts itself.
        own=$([ $bits = 64 ] && echo x64 || echo x32)
        list='fork|vfork|clone|clone3|execveat|rt_sigreturn|sigreturn|iopl|restart_syscall|pipe2|getpgid|getpid'
        is "strace counts the same" "$(awk -v bits=$bits '/^System call usage summary/ { mode = $6 } $4 ~ /^[0-9]+$/ && NF < 7 {
            if ((bits == 64) == (mode == "")) print $NF, $4 }' traced | grep -E "^($list) " | sort)" \
            "$(wanted $bits | grep "^$own " | awk '{ print $2, $4 }' | grep -E "^($list) " | sort)"
    else
        skip "strace counts the same" "there is no strace on the host"
    fi
done
