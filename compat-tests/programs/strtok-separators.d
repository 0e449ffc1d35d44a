/* strtok with other separators each time */
#pragma D option quiet

BEGIN
{
	this->a = strtok("one,two;three four", ",");
	this->b = strtok(NULL, ";");
	this->c = strtok(NULL, "; ");
	this->d = strtok(NULL, " ");
	printf("[%s] [%s] [%s] [%s] %d\n", this->a, this->b, this->c, this->d, strtok(NULL, " ") == NULL);
	exit(0);
}
