/* clause-local variables: they last through the clauses of one firing */
#pragma D option quiet

this int number;
this string text;
BEGIN { this->number = 1; this->text = "clause"; this->free = 3; }
BEGIN { printf("[%d] [%s] [%d]\n", this->number, this->text, this->free); this->number++; }
BEGIN { printf("[%d]\n", this->number); exit(0); }
