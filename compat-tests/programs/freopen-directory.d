/* a file that cannot be opened leaves the output as it was */
/* options: -wq */

BEGIN
{
	freopen("..");
	freopen("%s", ".");
	printf("%d\n", ++i);
	freopen("");
	printf("%d\n", ++i);
	exit(0);
}
