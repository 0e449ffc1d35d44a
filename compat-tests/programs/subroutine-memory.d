/* alloca and bcopy */
#pragma D option quiet

BEGIN
{
	this->a = (uint64_t *)alloca(8); this->b = (uint64_t *)alloca(8);
	*this->a = 0x1122334455667788;
	bcopy(this->a, this->b, 4);
	printf("%x\n", *(uint32_t *)this->b);
	bcopy("string", this->b, 7);
	printf("[%s]\n", stringof(this->b));
	exit(0);
}
