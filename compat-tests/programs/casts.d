/* casts between integers of all widths and signs */
#pragma D option quiet

BEGIN
{
	this->v = 0xfffefdfcfbfaf9f8;
	printf("%d %d %d %d\n", (int)(char)this->v, (int)(short)this->v, (int)this->v, (long)this->v);
	printf("%u %u %u %u\n", (uint8_t)this->v, (uint16_t)this->v, (uint32_t)this->v, (uint64_t)this->v);
	printf("%d %d %d %d\n", (int)(int8_t)200, (int)(int16_t)40000, (int32_t)3000000000, (uint8_t)-1);
	printf("%d\n", (int)(char)255);
	this->n = -1;
	printf("%d %d %d\n", (uint8_t)this->n, (uint16_t)this->n, (uint32_t)this->n == 0xffffffff);
	exit(0);
}
