/* the system's headers: types and constants of them, with what only a compiler understands left out */
/* differs: the original does not know what today's headers say to a compiler */
/* options: -C */
#pragma D option quiet

#include <netinet/in.h>
#include <sys/stat.h>
#include <stdio.h>

struct sockaddr_in address;

BEGIN
{
	address.sin_family = AF_INET;
	address.sin_port = htons(80);
	printf("%d %d %d\n", address.sin_family, ntohs(address.sin_port), sizeof (address));
	printf("%d %o %d\n", SOCK_STREAM, S_IFMT, sizeof (struct stat) > 100);
	exit(0);
}
