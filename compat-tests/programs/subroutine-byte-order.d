/* htons, htonl, htonll and back */
#pragma D option quiet

BEGIN
{
	printf("%x %x %x\n", htons(0x1234), htonl(0x12345678), htonll(0x1122334455667788));
	printf("%x %x %x\n", ntohs(0x3412), ntohl(0x78563412), ntohll(0x8877665544332211));
	exit(0);
}
