/* strjoin, lltostr, toupper, tolower */
#pragma D option quiet

BEGIN
{
	printf("[%s] [%s] [%s]\n", strjoin("a", "b"), strjoin("", ""), strjoin(strjoin("x", "-"), lltostr(5)));
	printf("[%s] [%s] [%s] [%s]\n", lltostr(0), lltostr(-42), lltostr(0x7fffffffffffffff), lltostr(-0x7fffffffffffffff - 1));
	printf("[%s] [%s]\n", toupper("Mixed Case 1"), tolower("Mixed Case 1"));
	exit(0);
}
