/* printa of times, and of several kinds of numbers, in conversions for other types */
#pragma D option quiet

BEGIN
{
	@when = min(1075064400 * 1000000000);
	printa("%@T\n", @when);
	printa("%@Y\n", @when);
	@sum = sum(-255);
	printa("%@d %@u %@x %@X %@o %@i\n", @sum);
	exit(0);
}
