/* associative arrays by strings and by several keys, declared and not */
#pragma D option quiet

string names[int, string];
BEGIN { names[1, "one"] = "first"; names[1, "two"] = "second"; counts["x", 'c', 9] = 9; self->mine["k"] = 4; }
BEGIN { printf("[%s] [%s] [%s] [%d] [%d] [%d]\n", names[1, "one"], names[1, "two"], names[2, "one"], counts["x", 'c', 9], counts["x", 'd', 9], self->mine["k"]); exit(0); }
