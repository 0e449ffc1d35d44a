/* global variables: declared, undeclared, of every kind of type, and before they are assigned */
#pragma D option quiet

int number;
string text;
uint8_t small;
int *pointer;
BEGIN { printf("[%d] [%s] [%d] [%p] [%d]\n", number, text, small, pointer, undeclared = 0); }
BEGIN { number = 1; text = "text"; small = 300; pointer = (int *)8; undeclared = 5000000000; }
BEGIN { printf("[%d] [%s] [%d] [%p] [%d]\n", number, text, small, pointer, undeclared); exit(0); }
