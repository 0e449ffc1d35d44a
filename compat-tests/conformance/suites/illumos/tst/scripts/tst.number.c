#include <unistd.h>

int main(void)
{
	return sleep(5);
}
