/* differs: the original has no aggzoom */
#pragma D option quiet
#pragma D option aggzoom

BEGIN
{
	@calls["read"] = sum(30);
	@calls["write"] = sum(15);
	@calls["close"] = sum(1);
	@steps = lquantize(1, 0, 4);
	@steps = lquantize(1, 0, 4);
	@steps = lquantize(2, 0, 4);
	printa(@calls);
	setopt("agghist");
	printa(@calls);
	setopt("aggzoom", "off");
	printa(@calls);
	printa(@steps);
	setopt("aggzoom");
	printa(@steps);
	exit(0);
}
