/* -x defaultargs: arguments that were not given */
/* options: -x defaultargs */
/* arguments: 5 */
#pragma D option quiet

BEGIN { printf("%d %d [%s]\n", $1, $2, $$3); exit($4); }
