/* a string without an end */
/* options: -x errtags */
/* differs: a newline in a string is what is wrong; the original only says where it stopped to understand */
BEGIN { trace("abc
); }
