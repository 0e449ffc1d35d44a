/* trace() of integers of every width and sign */
/* normalise: cpu */

BEGIN { trace((char)1); trace((char)-1); trace((unsigned char)200); trace((short)2); trace((short)-2); trace((unsigned short)60000); }
BEGIN { trace(3); trace(-3); trace((unsigned int)4000000000); trace(5000000000); trace(-5000000000); trace(0xffffffffffffffff); trace(0); exit(0); }
