/* Prints what is expected. */
BEGIN { trace(7); trace("seven"); exit(0); }
