/* several clauses of one probe, and several probes of one clause: order and rows */
/* normalise: cpu */

BEGIN { trace(1); }
BEGIN, END { trace(probename); }
BEGIN { trace(3); exit(0); }
END { trace(4); }
dtrace:::BEGIN { trace(5); }
