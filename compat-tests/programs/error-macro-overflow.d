/* an argument that no integer can hold */
/* options: -x errtags */
/* arguments: 0x12345678123456789 */
BEGIN { trace($1); }
