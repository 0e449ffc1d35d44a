/* -x aggsortkeypos: by which member of the key is sorted first */
#pragma D option quiet
#pragma D option aggsortkey
#pragma D option aggsortkeypos=1

BEGIN { @["a", 3] = sum(1); @["b", 1] = sum(2); @["c", 2] = sum(3); @["d", 1] = sum(4); exit(0); }
