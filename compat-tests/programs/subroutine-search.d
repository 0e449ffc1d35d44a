/* strlen, index, rindex, strchr, strrchr, strstr */
#pragma D option quiet

BEGIN
{
	s = "the cat sat on the mat";
	printf("%d %d\n", strlen(s), strlen(""));
	printf("%d %d %d %d %d\n", index(s, "at"), index(s, "at", 6), index(s, "dog"), index(s, ""), index(s, "the", -5));
	printf("%d %d %d %d %d\n", rindex(s, "at"), rindex(s, "at", 18), rindex(s, "dog"), rindex(s, ""), rindex(s, "the", 40));
	printf("[%s] [%s]\n", strchr(s, 'c'), strrchr(s, 't'));
	printf("[%s] [%s]\n", strstr(s, "sat"), strstr(s, ""));
	printf("%d %d %d\n", strchr(s, 'z') == NULL, strrchr(s, 'z') == NULL, strstr(s, "dog") == NULL);
	exit(0);
}
