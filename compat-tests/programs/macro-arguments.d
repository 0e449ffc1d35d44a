/* arguments of the script: numbers, strings, and $0 */
/* arguments: 42 word "two words" 0x10 */
#pragma D option quiet

BEGIN { printf("%d %s [%s] %d [%s]\n", $1, $$2, $$3, $4, $$4); printf("[%s]\n", $$0); exit(0); }
