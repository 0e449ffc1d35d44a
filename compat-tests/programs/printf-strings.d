/* printf() of strings, with widths and precisions */
#pragma D option quiet

BEGIN
{
	printf("[%s] [%10s] [%-10s] [%.3s] [%10.3s] [%-10.3s]\n", "string", "string", "string", "string", "string", "string");
	printf("[%s] [%5s]\n", "", "");
	printf("[%*s] [%-*s] [%.*s]\n", 9, "right", 9, "left", 2, "cut");
	printf("%s%s%s\n", "a", "b", "c");
	exit(0);
}
