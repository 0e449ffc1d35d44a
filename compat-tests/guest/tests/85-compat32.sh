# A 32-bit program is answered as a 64-bit one is, whatever is in the half of a word that its pointers leave (contract 2.2).
# limit: 60

abi64 requests > answers64
is "the requests of a 64-bit program end well" $? 0
abi32 requests > answers32
is "those of a 32-bit program end well" $? 0
is "the answers are the same" "$(diff answers64 answers32)" ""
matches "there are many of them" "$(wc -l < answers64)" '^[5-9][0-9]$'
for answer in 'CONF 0 2 0 0 0 8 0 0 0 8 0 0 0 2 0 0 0( 0)*' 'PROBES 0 1 dtrace BEGIN' 'PROBEMATCH 0 [0-9a-f]+ x64 entry' \
    'PROBEMATCH 0 [0-9a-f]+ x32 return' 'PROBEMATCH error 3 .*' 'ENABLE 3' 'ENABLE of a bad address error e' 'GO 0' \
    'GO again error 10' 'AGGSNAP a' 'BUFSNAP 0 1 0 0 0 0 0 0 0 7 0 0 0 0 0 0 0' 'BUFSNAP of no processor error 16' \
    'EPROBE 0 1 0 10 1' 'AGGDESC 0 2 20 3' 'FORMAT 0 5' 'FORMAT 0 n %d' 'DOFGET 0 1 220' 'STOP 0' 'STOP again error 16' \
    'an unknown request error 19' 'helper ADD 1' 'helper ADDDOF 1' 'helper REMOVE 0' 'helper ADD of no image error 16' \
    'fasttrap, an unknown request error 16' 'ctl RDMEM 7 memory' 'ctl WRMEM 7 Memory' 'ctl RDMEM of a bad address error e' \
    'ctl RDMEM of nobody error 3'; do
    matches "$answer" "$(cat answers32)" "^$answer\$"
done
