/* trunc(): the greatest, the least, none */
#pragma D option quiet

BEGIN
{
	@top["a"] = sum(1); @top["b"] = sum(2); @top["c"] = sum(3);
	@low["a"] = sum(1); @low["b"] = sum(2); @low["c"] = sum(3);
	@all["a"] = sum(1); @zero["a"] = sum(1); @more["a"] = sum(1);
	exit(0);
}
END
{
	trunc(@top, 2); trunc(@low, -2); trunc(@all); trunc(@zero, 0); trunc(@more, 5);
	printa("top %s %@d\n", @top); printa("low %s %@d\n", @low); printa("all %s %@d\n", @all);
	printa("zero %s %@d\n", @zero); printa("more %s %@d\n", @more);
}
