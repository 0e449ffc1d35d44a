/* keys of every width and sign, printed in their columns */
#pragma D option quiet

BEGIN
{
	@c[(char)1] = sum(1);
	@s[(short)-2] = sum(2);
	@i[3] = sum(3);
	@n[-3] = sum(4);
	@l[5000000000] = sum(5);
	@u[(unsigned int)-1] = sum(6);
	@t["text"] = sum(7);
	@m["text", 1, -1, 5000000000, "more"] = sum(8);
	exit(0);
}
