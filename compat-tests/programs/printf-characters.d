/* printf() of characters, printable and not */
#pragma D option quiet

BEGIN
{
	printf("%c%c%c\n", 'a', 66, '\x43');
	printf("[%5c] [%-5c]\n", 'x', 'y');
	printf("[%C] [%C] [%C] [%C]\n", 'a', '\n', '\t', 1);
	exit(0);
}
