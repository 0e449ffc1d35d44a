BEGIN
{
	trace(7);
	exit(0);
}
