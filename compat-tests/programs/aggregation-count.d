/* count() by key, printed at the end in the order of the values */
#pragma D option quiet

BEGIN { @["one"] = count(); @["three"] = count(); @["two"] = count(); }
BEGIN { @["three"] = count(); @["two"] = count(); }
BEGIN { @["three"] = count(); exit(0); }
