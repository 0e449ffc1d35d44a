/* structures and pointers to them in scratch memory */
#pragma D option quiet

struct node { struct node *next; long value; };
BEGIN
{
	this->a = (struct node *)alloca(sizeof (struct node));
	this->b = (struct node *)alloca(sizeof (struct node));
	this->a->next = this->b; this->a->value = 1;
	this->b->next = NULL; this->b->value = 2;
	printf("%d %d %d %d\n", this->a->value, this->a->next->value, (*this->a).value, this->b->next == NULL);
	printf("%d %d %d\n", sizeof (struct node), sizeof (this->a->value), offsetof(struct node, value));
	exit(0);
}
