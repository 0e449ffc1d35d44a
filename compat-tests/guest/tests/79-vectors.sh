# The images of the original's compiler give what their D text says. (driver/engine/tests/framework/vectors.rs has the same, to
# the last value, on a machine where nothing else happens.)
# limit: 180

if ! [ -d /vectors ]; then
    skip "the original compiler's images give their values" "there are none; DTRACE_SHARED names the directory that holds abi/vectors"
    exit 0
fi
run() { image /vectors/"$1".dof > out 2>&1 || echo "failed: $?" >> out; }

# Those of BEGIN alone, each with all of its values in order.
while IFS='|' read -r name wanted; do
    run "$name"
    is "$name" "$(grep . out | sed 's/^BEGIN: //' | tr '\n' ' ' | sed 's/ $//; s/\x00//g')" "$wanted"
done << END
arith|4 10 -21 3 3 -1 -1 56 -2 0 -8 0 5 15 5 0
begin-trace|42 0
byteorder|13330 2018915346 -8613303245920329199 256 16777216 72057594037927936 0
compare|1 1 0 1 1 0 0 1 0 10 0
divzero|ERROR: 0
enum-inline|5 [t] 0
error|ERROR: 1 0 1
exit-status|3
options|0
pointers|11 0
string-compare|1 0
strings|[c.txt] [a/b] 9 [b/c.txt] [/c.txt] [c.txt] 1 3 [b/c] [a/b/c.txt!] [a/c] [x] [A/B/C.TXT] [abc] [255] 0
struct|2 14 6 0
union-bits|8 -7 0
END
run begin-string
matches "begin-string: text, execname, pid, the consumer's key" "$(cat out)" '^BEGIN: \[hello\] \[image\] [0-9]+ [0-9]+ 0$'
run d-path
matches "d-path: where the text is" "$(cat out)" '^BEGIN: -[0-9]+ 0$'

# The calls that the program makes: four writes of 16 bytes in all, a read, a missing file, a program that is missing.
run agg-all
matches "agg-all: count" "$(cat out)" '^@1 = 0:[4-9][0-9]*$|^@1 = 0:[1-9][0-9]+$'
matches "agg-all: min" "$(cat out)" '^@3 = 0:1$'
matches "agg-all: quantize" "$(cat out)" '^@7 = 64:[1-9][0-9]* 65:([2-9]|[1-9][0-9]+)( [0-9:]+)* 67:'
run agg-many-keys
matches "agg-many-keys: by process, thread, name, call and descriptor" "$(cat out)" '^@1 ([0-9]+) \1 \[image\] \[write\] [0-9]+ = 0:[0-9]+$'
run args
matches "args: a write of three bytes" "$(cat out)" '^entry: [0-9]+ [0-9]+ 3( -?[0-9]+){7}$'
run assoc
matches "assoc: how long a write takes, on average" "$(cat out)" '^@1 \[write\] = 0:[4-9][0-9]* 1:[1-9][0-9]*$'
run assoc-string
matches "assoc-string: a number at the end" "$(cat out)" '^END: [0-9]+$'
run clause-local
matches "clause-local: arg0 + 1 and execname" "$(cat out)" '^entry: [0-9]+ \[image\]$'
run copy
matches "copy: sixteen bytes, twice" "$(cat out)" '^entry: \[sixteen bytes ok\] \[sixteen bytes ok\]$'
run fbt-typed
is "fbt-typed: there is no fbt, so nothing is recorded" "$(cat out)" ""
run globals
matches "globals: counted to the end" "$(cat out)" '^END: [1-9][0-9]* \[.+\]$'
run latency-quantize
matches "latency-quantize: one read" "$(cat out)" '^@1 \[read\] = ([0-9]+:[0-9]+ ?)+$'
run latency-lquantize
matches "latency-lquantize: 20 steps of 50, counts by call" "$(cat out)" "^@1 \\[write\\] = 0:$((50 << 48 | 20 << 32)) ([0-9]+:[0-9]+ ?)+\$"
run llquantize
matches "llquantize: milliseconds counted" "$(cat out)" '^@1 = 0:[0-9]+ 1:1( [0-9]+:[0-9]+)+$'
run multi-clause
is "multi-clause: BEGIN, END and the clause for anybody's BEGIN" "$(grep -a -v @ out | sed 's/\x00//g' | tr '\n' ' ')" "BEGIN: [BEGIN] BEGIN: 1 END: [END] "
matches "multi-clause: 64-bit calls" "$(cat out)" '^@1 \[x64\] = 0:[1-9][0-9]*$'
run no-actions
matches "no-actions: just that it fired" "$(cat out)" '^entry:$'
run printa
matches "printa: calls by name" "$(cat out)" '^@1 \[image\] = 0:[1-9][0-9]*$'
run rand-progeny
is "rand-progeny: nobody descends from process 0 but all do" "$(grep -c '^@1 = ' out)" 1
run self-array
is "self-array: nothing recorded, nothing wrong" "$(cat out)" ""
run self-string
matches "self-string: the missing program and its error" "$(cat out)" '^return: \[/no/such/program\] -2$'
run speculate
matches "speculate: the open that failed is committed" "$(cat out)" '^entry: \[image\]$'
is "speculate: and the one that did not is discarded" "$(grep -c . out)" 1
run stacks
matches "stacks: the kernel's and the process's" "$(cat out)" '^entry: stack stack self:address self:address self:address$'
matches "stacks: as keys" "$(cat out)" '^@1 stack = 0:[1-9]'
run symbols
matches "symbols: an address of the kernel or of a process" "$(cat out)" '^profile-97: -?[0-9]+$'
matches "symbols: with its process" "$(cat out)" '^@3 (self|[0-9]+):(address|0) = 0:[0-9]+$'
run syscall-count
matches "syscall-count: by name" "$(cat out)" '^@1 \[image\] = 0:[1-9][0-9]*$'
run syscall-count-func
matches "syscall-count-func: four writes of this process" "$(cat out)" '^@1 \[write\] [0-9]+ = 0:4$'
run syscall-fail
matches "syscall-fail: the missing file" "$(cat out)" '^@1 \[open\] -2 = 0:1$'
matches "syscall-fail: the missing program" "$(cat out)" '^@1 \[execve\] -2 = 0:1$'
run syscall-open
is "syscall-open: arg1 is no path in open(2)" "$(grep -c '/etc/passwd' out)" 0
run ticks
matches "ticks: the time of day" "$(cat out)" "^tick-100ms: $(date +%s | cut -c 1-7)[0-9]{12}\$"
run uregs
matches "uregs: the flags" "$(cat out)" '^entry: 0 [1-9][0-9]*$'
run vars
matches "vars" "$(sed 's/\x00//g' out)" \
    '^entry: ([0-9]+) \1 [0-9]+ 0 \[image\] 0 -[0-9]+ [0-9]+ [0-9]+ [0-9]+ 0 \[syscall\] \[x64\] \[write\] \[entry\] [0-9]+ [0-9]+ [0-9]+ [0-9]+ [0-9]{19} \[global\]$'
run copyout
is "copyout: nothing recorded, nothing wrong" "$(cat out)" ""
# Its END panics, as it should, so it is only loaded here.
dof load /vectors/destructive.dof > loaded
is "destructive" "$(cat loaded)" "/vectors/destructive.dof: loads"
ok "the driver unloads" rmmod dtracedrv
load_driver
