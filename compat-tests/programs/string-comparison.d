/* strings compared with all operators */
#pragma D option quiet

BEGIN
{
	s = "middle";
	printf("%d %d %d %d %d %d\n", s == "middle", s != "middle", s < "n", s > "n", s <= "middle", s >= "middlf");
	printf("%d %d %d\n", "" < "a", "a" < "aa", "B" < "a");
	printf("%d\n", s == "midd");
}
BEGIN /s == "middle" && probename == "BEGIN"/ { printf("matched\n"); exit(0); }
