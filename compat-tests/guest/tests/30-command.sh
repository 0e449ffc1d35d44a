# The dtrace command on the driver: what it lists, prints and answers.
# limit: 180

output=$(dtrace -V)
is "-V ends well" $? 0
matches "-V says a version" "$output" 'dtrace: .*[0-9]+\.[0-9]+'

dtrace -l > list
is "-l ends well" $? 0
is "-l has the heading of the original" "$(head -1 list)" \
    "$(printf '%5s %10s %17s %33s %s' ID PROVIDER MODULE FUNCTION NAME)"
matches "-l lists BEGIN" "$(cat list)" '^ +1 +dtrace +BEGIN$'
matches "-l lists the entry of openat" "$(cat list)" '^ *[0-9]+ +syscall +x64 +openat entry$'
dtrace -l -P syscall > list
is "-l -P syscall lists nothing else" "$(tail -n +2 list | grep -vc ' syscall ')" 0
ok "-l -P syscall lists hundreds" test "$(grep -c ' syscall ' list)" -gt 600
output=$(dtrace -l -n syscall::nosuchcall:entry 2>&1)
is "-l of nothing is no failure, as with the original" $? 0
matches "but says so" "$output" '^dtrace: failed to match syscall::nosuchcall:entry: No probe matches description$'

is "BEGIN and exit" "$(dtrace -q -n 'BEGIN { trace("hello"); exit(0); }')" hello
output=$(dtrace -n 'BEGIN { trace("hello"); exit(0); }' 2>&1)
matches "how many probes matched" "$output" "^dtrace: description 'BEGIN ' matched 1 probe\$"
matches "the heading of a trace" "$output" '^CPU +ID +FUNCTION:NAME$'
matches "a row of a trace" "$output" '^ +[0-9]+ +1 +:BEGIN +hello *$'
dtrace -q -n 'BEGIN { exit(3); }'
is "exit's argument is the exit status" $? 3

echo 'BEGIN { printf("%d %s\n", 6 * 7, "from a file"); exit(0); }' > program.d
is "-s runs a file" "$(dtrace -q -s program.d)" "42 from a file"
dtrace -q -o output -s program.d
is "-o writes to a file" "$(cat output)" "42 from a file"
printf '#!/usr/sbin/dtrace -qs\nBEGIN { trace("as a program"); exit(0); }\n' > program
chmod +x program
is "a D program is a program" "$(./program)" "as a program"

ok "-e compiles and stops" dtrace -e -n 'syscall:::entry { @[probefunc] = count(); }'
output=$(dtrace -v -e -n 'BEGIN { exit(0); }' 2>&1)
matches "-v tells the stability" "$output" 'Stability|stability'
is "-x sets an option" "$(dtrace -x quiet -n 'BEGIN { trace("quiet"); exit(0); }')" quiet
output=$(dtrace -x bufsize=100g -n 'BEGIN { exit(0); }' 2>&1)
is "more buffer than there is memory is no failure" $? 0
matches "it is lowered" "$output" 'buffer size lowered to'
output=$(dtrace -x nosuchoption=1 -n 'BEGIN { exit(0); }' 2>&1)
is "an unknown option fails" $? 1
matches "and is named" "$output" nosuchoption

printf 'BEGIN\n{\n\ttrace(1 +);\n}\n' > wrong.d
output=$(dtrace -s wrong.d 2>&1)
is "a wrong program fails" $? 1
matches "its line is named" "$output" 'wrong\.d.*line 3'
output=$(dtrace -n 'BEGIN { trace(nosuchvariable); }' 2>&1)
is "an unknown variable fails" $? 1
matches "and is named" "$output" nosuchvariable
output=$(dtrace -p 999999 -n 'BEGIN { exit(0); }' 2>&1)
is "a process that is not there fails" $? 1
matches "and is named" "$output" 999999
output=$(dtrace -c /no/such/program -n 'BEGIN { exit(0); }' 2>&1)
is "a command that is not there fails" $? 1
matches "and is named" "$output" /no/such/program
