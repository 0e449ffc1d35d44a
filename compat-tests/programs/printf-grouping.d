/* printf() with the flag ' in a locale without groups */
#pragma D option quiet

BEGIN { printf("[%'d] [%'10d]\n", 1234567, 1234567); exit(0); }
