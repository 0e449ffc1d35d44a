/* inet_ntoa, inet_ntoa6, inet_ntop */
#pragma D option quiet

typedef uint32_t ipaddr_t;

BEGIN
{
	this->a = (ipaddr_t *)alloca(4);
	*this->a = 0x0100007f;
	printf("[%s] [%s]\n", inet_ntoa(this->a), inet_ntop(2, this->a));
	exit(0);
}
