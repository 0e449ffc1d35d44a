/* profile-N and tick-N: they fire */
#pragma D option quiet
#pragma D option switchrate=20hz

profile-97 { fired = 1; }
tick-10ms /fired/ { printf("fired\n"); exit(0); }
tick-10s { printf("did not fire\n"); exit(1); }
