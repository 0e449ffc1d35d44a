/* integer and character constants in all their forms */
#pragma D option quiet

BEGIN
{
	printf("%d %d %d %d\n", 10, 010, 0x10, 0XfF);
	printf("%d %d %d %d %d\n", 10u, 10l, 10ul, 10ll, 10ull);
	printf("%d %d %d %d %d\n", 'a', '\n', '\\', '\0', '\x7f');
	printf("%x %x\n", 'ab', 'abcd');
	printf("%d %d %d %d\n", sizeof (1), sizeof (1L), sizeof (5000000000), sizeof ('a'));
	exit(0);
}
