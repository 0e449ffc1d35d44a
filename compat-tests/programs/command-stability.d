/* -v: the report on a program's stability */
/* options: -v */
/* normalise: cpu */

BEGIN { trace(pid > 0); exit(0); }
tick-1s { trace(1); }
