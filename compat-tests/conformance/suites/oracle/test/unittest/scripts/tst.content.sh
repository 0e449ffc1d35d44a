#!/bin/sh
[ "$($1 $dt_flags -qn 'BEGIN { printf("here"); exit(0); }' 2> /dev/null)" = here ]
