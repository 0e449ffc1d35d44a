/* @@skip: nobody wants it */
BEGIN { exit(1); }
