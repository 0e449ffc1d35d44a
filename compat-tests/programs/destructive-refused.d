/* a destructive action without -w */

BEGIN { system("echo refused"); exit(0); }
