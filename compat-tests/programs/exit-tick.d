/* a program that counts ticks and ends by itself */
#pragma D option quiet
#pragma D option switchrate=10ms

tick-5ms { printf("%d\n", ++n); }
tick-5ms /n == 5/ { exit(0); }
END { printf("%d ticks\n", n); }
