/* trace() of arrays of characters: text, text that is cut by a NUL, and what is no text */
/* normalise: cpu */

struct text { char c[8]; };
struct bytes { unsigned char c[8]; };
BEGIN
{
	this->t = (struct text *)alloca(sizeof (struct text));
	bcopy("abcdefg", this->t, 8); this->t->c[3] = 0;
	trace(this->t->c);
	this->b = (struct bytes *)alloca(sizeof (struct bytes));
	bcopy("\x01\x02\x80\xffzzzz", this->b, 8);
	trace(this->b->c);
	exit(0);
}
