/* a program without clauses matches no probe, which is an error */
inline int number = 1;
