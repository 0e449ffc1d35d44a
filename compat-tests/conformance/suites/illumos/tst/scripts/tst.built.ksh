#!/bin/sh
# Its own directory is where it runs, with what is built of the source beside it.
./tst.built.exe && "$1" -qn "BEGIN { exit(0); }"
