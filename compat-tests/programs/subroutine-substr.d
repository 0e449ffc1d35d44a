/* substr with positions and lengths of either sign, within the string and beyond */
#pragma D option quiet

BEGIN
{
	s = "abcdefgh";
	printf("[%s] [%s] [%s] [%s]\n", substr(s, 0), substr(s, 3), substr(s, -3), substr(s, 20));
	printf("[%s] [%s] [%s] [%s]\n", substr(s, 1, 3), substr(s, -4, 2), substr(s, 0, -1), substr(s, 2, -2));
	printf("[%s] [%s] [%s]\n", substr(s, 0, 0), substr(s, 6, 10), substr(s, -20, 15));
	exit(0);
}
