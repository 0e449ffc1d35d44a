/* differs: the original has neither aggpack nor encoding */
#pragma D option quiet
#pragma D option aggpack
#pragma D option encoding=utf8

BEGIN
{
	@by["few", 1] = quantize(3);
	@by["few", 1] = quantize(5);
	@by["many", 22] = quantize(5, 100);
	@by["many", 22] = quantize(-9, 20);
	@by["many", 22] = quantize(1000, 3);
	@line = lquantize(3, 0, 10);
	@line = lquantize(99, 0, 10);
	@log["x"] = llquantize(35, 10, 0, 2, 10);
	@none[1] = quantize(1);
	clear(@none);
	printa(@by);
	setopt("aggzoom");
	printa(@by);
	printa("%s/%d %@d\n", @by);
	setopt("encoding", "ascii");
	printa(@by);
	exit(0);
}
