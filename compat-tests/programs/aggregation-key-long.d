/* a key that is longer than its column, beside short ones */
#pragma D option quiet

BEGIN { @["a key that is longer than the fifty columns that a key has"] = sum(1); @["b"] = sum(2); exit(0); }
