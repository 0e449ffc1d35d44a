# What is wrong gets one clear line and a status, and costs nobody else anything.
# limit: 240

dtrace -e -n 'BEGIN { trace(1 +); }' > /dev/null 2> error
is "a syntax error is status 1" $? 1
matches "it names the line and the cause" "$(cat error)" '^dtrace: invalid probe specifier .*: syntax error, unexpected .\).'
printf 'BEGIN\n{\n\ttrace(nonsuch);\n}\n' > wrong.d
dtrace -e -s wrong.d > /dev/null 2> error
is "an unknown name is status 1" $? 1
matches "it names file and line" "$(cat error)" '^dtrace: failed to compile script wrong.d: line 3: failed to resolve nonsuch'
is "it is one line" "$(wc -l < error)" 1

dtrace -n 'nonsuch:::entry' > /dev/null 2> error
is "a probe that is not there is status 1" $? 1
matches "it names it" "$(cat error)" 'nonsuch:::entry.* does not match any probes'

dtrace -p 99999999 -n 'BEGIN { exit(0); }' > /dev/null 2> error
is "no such target is status 1" $? 1
is "and one line" "$(wc -l < error)" 1

cp "$(command -v dtrace)" /tmp/dtrace-for-all && chmod 755 /tmp/dtrace-for-all
su nobody -s /bin/sh -c '/tmp/dtrace-for-all -l' > /dev/null 2> error
is "no rights is status 1" $? 1
is "and one line" "$(wc -l < error)" 1
matches "that says so" "$(cat error)" 'requires additional privileges'

rmmod dtracedrv
DTRACE_DEV=/dev/dtrace dtrace -l > /dev/null 2> error
is "no driver is status 1" $? 1
is "and one line" "$(wc -l < error)" 1
load_driver
