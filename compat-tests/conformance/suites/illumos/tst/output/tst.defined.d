#define STATUS 0
BEGIN { exit(STATUS); }
