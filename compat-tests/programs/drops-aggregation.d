/* an aggregation buffer that is too small */
/* normalise: cpu */
#pragma D option quiet
#pragma D option aggsize=512
#pragma D option bufsize=64k

BEGIN { @[1] = count(); } BEGIN { @[2] = count(); } BEGIN { @[3] = count(); } BEGIN { @[4] = count(); }
BEGIN { @[5] = count(); } BEGIN { @[6] = count(); } BEGIN { @[7] = count(); } BEGIN { @[8] = count(); }
BEGIN { @[9] = count(); } BEGIN { @[10] = count(); } BEGIN { @[11] = count(); } BEGIN { @[12] = count(); }
BEGIN { @[13] = count(); } BEGIN { @[14] = count(); } BEGIN { @[15] = count(); } BEGIN { @[16] = count(); }
BEGIN { @[17] = count(); } BEGIN { @[18] = count(); } BEGIN { @[19] = count(); } BEGIN { @[20] = count(); }
BEGIN { @[21] = count(); } BEGIN { @[22] = count(); } BEGIN { @[23] = count(); } BEGIN { @[24] = count(); }
tick-50ms { exit(0); }
