/* unions: one storage, several views */
#pragma D option quiet

union view { uint64_t q; uint8_t b[8]; uint16_t h[4]; int32_t w; };
BEGIN
{
	this->v = (union view *)alloca(sizeof (union view));
	this->v->q = 0x8877665544332211;
	printf("%x %x %x %x %d %d\n", this->v->b[0], this->v->b[7], this->v->h[1], this->v->w, this->v->w, sizeof (union view));
	exit(0);
}
