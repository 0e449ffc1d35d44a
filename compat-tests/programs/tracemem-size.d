/* tracemem() with a size that is computed: less than the limit, more, none, negative */
#pragma D option quiet

BEGIN
{
	this->m = alloca(32);
	bcopy("abcdefghijklmnopqrstuvwxyzABCDEF", this->m, 32);
	this->n = 5;
	tracemem(this->m, 32, this->n);
	tracemem(this->m, 16, this->n * 10);
	tracemem(this->m, 16, this->n - 5);
	printf("\n");
	exit(0);
}
