/* -h: the header of providers */
/* command: -h -s command-header.d -o out.h */
/* show: out.h */
/* differs: the header that we make names section 1 of the manual, and has no branches for SPARC */

provider shop { probe sale(int, char *); probe open__shop(); };
