/* enumerations: their values, in expressions and as types */
#pragma D option quiet

enum state { IDLE, RUNNING = 10, STOPPED, FAILED = 20, AGAIN };
enum state now;
BEGIN { now = RUNNING; }
BEGIN /now == RUNNING/ { printf("%d %d %d %d %d %d\n", IDLE, RUNNING, STOPPED, FAILED, AGAIN, sizeof (enum state)); now = STOPPED; }
BEGIN { printf("%d %s\n", now, now == STOPPED ? "stopped" : "else"); exit(0); }
