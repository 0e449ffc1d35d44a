/* stringof() of strings, of characters in memory, and of pointers to them */
#pragma D option quiet

struct text { char c[8]; };
BEGIN
{
	this->t = (struct text *)alloca(16);
	bcopy("abcdef", this->t, 7);
	printf("[%s] [%s] [%s]\n", stringof("plain"), stringof(this->t->c), stringof((char *)this->t + 2));
	printf("[%s] [%s]\n", (string)this->t, stringof(probename));
	exit(0);
}
