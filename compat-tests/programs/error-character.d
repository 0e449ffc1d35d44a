/* a character that is none of D's */
/* options: -x errtags */
/* normalise: syntax */
BEGIN { trace(1 $ 2); }
