/* a keyword of C that D does not have */
/* options: -x errtags */
/* normalise: syntax */
BEGIN { while (1) { trace(1); } }
