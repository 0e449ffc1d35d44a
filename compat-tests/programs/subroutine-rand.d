/* rand stays within what it is cut to */
#pragma D option quiet

BEGIN { a = rand(); b = rand(); this->n = (uint32_t)a % 10; printf("%d %d\n", this->n < 10, a != b); exit(0); }
