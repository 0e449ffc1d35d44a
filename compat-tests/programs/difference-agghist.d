/* options: -x encoding=ascii */
/* differs: the original has neither agghist nor encoding */
#pragma D option quiet
#pragma D option agghist

BEGIN
{
	@sum["plus", 1] = sum(30);
	@sum["minus", 2] = sum(-10);
	@sum["a key that is longer than its column", 3] = sum(20);
	@calls["read"] = count();
	@alone = avg(7);
	@taken["low"] = quantize(3);
	exit(0);
}

END
{
	printa(@sum);
	printa("%s %@d\n", @calls);
}
