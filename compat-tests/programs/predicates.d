/* predicates: which clauses run */
#pragma D option quiet

BEGIN /0/ { printf("never\n"); }
BEGIN /1/ { printf("always\n"); n = 5; }
BEGIN /n > 4 && n < 6/ { printf("five\n"); n = 0; }
BEGIN /n/ { printf("not any more\n"); }
BEGIN /!n/ { printf("none\n"); }
BEGIN /probename == "BEGIN"/ { exit(0); }
END /probename == "END"/ { printf("end\n"); }
