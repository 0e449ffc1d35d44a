# A program with probes of its own brings their image to the driver when it starts, and leaves nothing.
# limit: 60

# helpers: how many processes have brought some, as the driver counts them.
helpers() { sed -n 's/^helpers=//p' /proc/dtrace/stats; }
# become COUNT: waits for the driver to count so many: the count.
become() {
    local tries=0
    while [ "$(helpers)" != "$1" ] && [ $tries -lt 200 ]; do
        usleep 100000
        tries=$((tries + 1))
    done
    helpers
}
# There is none where the command of another project is used.
command -v web > /dev/null || { skip "a program with probes" "this dtrace command makes none"; exit 0; }
is "there are none before" "$(become 0)" 0
is "the program says what the driver said to it" "$(DTRACE_DOF_INIT_DEBUG=1 web 2>&1 > /dev/null)" "dtrace DOF web: registered
dtrace DOF web: taken back"
is "it has left nothing" "$(become 0)" 0
mkfifo line
web wait < line > out &
first=$!
web wait < line >> out &
second=$!
exec 3> line
is "two programs that run have brought theirs" "$(become 2)" 2
kill -9 $second
is "one that is killed leaves nothing" "$(become 1)" 1
echo >&3
exec 3>&-
wait $first
is "the other ends well" $? 0
is "and leaves nothing" "$(become 0)" 0
DTRACE_DOF_INIT_DISABLE=1 web wait < line > out &
exec 3> line
sleep 1
is "a program that is told to brings nothing" "$(helpers)" 0
exec 3>&-
wait
