fbt::nothing:entry { exit(0); }
