/* tracemem() of 1, 16, 17 and 40 bytes */
#pragma D option quiet

BEGIN
{
	this->m = alloca(48);
	bcopy("0123456789 abcdefghijklmnopqrstuvwxyz\x01\x7f\xff\n", this->m, 40);
	tracemem(this->m, 1);
	tracemem(this->m, 16);
	tracemem(this->m, 17);
	tracemem(this->m, 40);
	exit(0);
}
