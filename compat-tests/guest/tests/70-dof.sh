# Images that are not DTrace's own: damaged ones are refused with an error number or run harmlessly, and nothing stays behind.
# limit: 180

output=$(dof bend 1 1 2>&1)
ok "a sound image that was changed is answered" test $? = 0
# The images are the same in each run: seed 1 and so on.
output=$(dof bend 1000 20250101 2>&1)
is "a thousand damaged images end well" $? 0
matches "most are refused, some run" "$output" '^[1-9][0-9]* run, [1-9][0-9]* refused$'

# The images of the original's compiler, where the guest has been given them.
if [ -d /vectors ]; then
    dof load /vectors/*.dof > loaded
    is "the original compiler's images load, all of them" "$(grep -v ': loads$' loaded)" ""
    output=$(dof bend 1000 20250102 /vectors/*.dof 2>&1)
    matches "a thousand damaged ones of them do no harm" "$output" '^[1-9][0-9]* run, [1-9][0-9]* refused$'
else
    skip "the original compiler's images load" "there are none; DTRACE_SHARED names the directory that holds abi/vectors"
fi
ok "nothing of it keeps the driver" rmmod dtracedrv
ok "it loads again" load_driver
