/* strings of an array that were never stored, or taken away, are NULL to a comparison with it and empty to all else */
#pragma D option quiet

BEGIN
{
	a[1] = strchr("abc", 'x');
	printf("[%s] %d %d\n", a[1], a[1] == NULL, a[1] == "");
	printf("[%s] %d %d\n", a[2], a[2] != NULL, a[2] != "");
	a[3] = "abc";
	printf("[%s] %d %c\n", a[3], a[3] == NULL, a[3][1]);
	a[3] = NULL;
	printf("[%s] %d\n", a[3], a[3] == NULL);
	self->t[1, "k"] = "v";
	self->t[1, "k"] = NULL;
	printf("[%s] %d\n", self->t[1, "k"], self->t[1, "k"] == NULL);
	exit(0);
}
