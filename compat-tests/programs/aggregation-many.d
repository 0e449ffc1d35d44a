/* two thousand keys, of which the ten greatest are kept */
#pragma D option quiet
#pragma D option bufsize=64k

int i;
profile:::tick-1ms
/i < 40/
{
	@[i * 50 + 0] = sum(i); @[i * 50 + 1] = sum(i); @[i * 50 + 2] = sum(i); @[i * 50 + 3] = sum(i); @[i * 50 + 4] = sum(i * 7);
	@[i * 50 + 5] = sum(i); @[i * 50 + 6] = sum(i); @[i * 50 + 7] = sum(i); @[i * 50 + 8] = sum(i); @[i * 50 + 9] = sum(i * 3);
	i++;
}
profile:::tick-1ms
/i == 40/
{
	exit(0);
}
END { trunc(@, 10); }
