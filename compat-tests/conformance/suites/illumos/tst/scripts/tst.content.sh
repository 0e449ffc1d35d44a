#!/bin/sh
[ "$($1 -qn 'BEGIN { printf("here"); exit(0); }' 2> /dev/null)" = here ]
