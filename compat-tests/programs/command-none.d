/* -e: nothing is run */
/* options: -e */

BEGIN { trace(1); }
