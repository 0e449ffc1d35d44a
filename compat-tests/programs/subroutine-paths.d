/* basename, dirname, cleanpath */
#pragma D option quiet

BEGIN
{
	printf("[%s] [%s] [%s] [%s] [%s]\n", basename("/a/b/c"), basename("/a/b/"), basename("/"), basename("c"), basename(""));
	printf("[%s] [%s] [%s] [%s] [%s]\n", dirname("/a/b/c"), dirname("/a/b/"), dirname("/"), dirname("c"), dirname(""));
	printf("[%s] [%s] [%s] [%s]\n", cleanpath("/a//b/./c"), cleanpath("/a/b/../c"), cleanpath("/../a"), cleanpath("a/../../b"));
	printf("[%s] [%s]\n", cleanpath("/"), cleanpath("/a/b/"));
	exit(0);
}
