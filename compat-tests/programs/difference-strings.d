/* strings that are empty or not ASCII */
/* normalise: cpu */
/* differs: they are strings; the original takes them for bytes that are no text, and dumps all 256 */

BEGIN { trace(""); trace("é"); @[""] = sum(2); @["é"] = sum(3); exit(0); }
