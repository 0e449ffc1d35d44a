/* arithmetic and comparison of pointers, indexing, addresses */
#pragma D option quiet

BEGIN
{
	this->p = (int *)alloca(4 * sizeof (int));
	this->p[0] = 10; this->p[1] = 20; *(this->p + 2) = 30; this->p[3] = 40;
	this->q = this->p + 3;
	printf("%d %d %d %d\n", *this->q, this->q - this->p, *(this->q - 1), this->q[-2]);
	printf("%d %d %d\n", this->q > this->p, this->p == &this->p[0], *++this->p);
	this->c = (char *)this->q;
	printf("%d %d\n", *this->c, (uintptr_t)(this->c + 1) - (uintptr_t)this->c);
	exit(0);
}
