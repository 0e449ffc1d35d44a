/* sum() of positive, negative, zero and 64-bit values */
#pragma D option quiet

BEGIN
{
	@["small"] = sum(1); @["small"] = sum(2);
	@["negative"] = sum(-5); @["negative"] = sum(2);
	@["zero"] = sum(7); @["zero"] = sum(-7);
	@["huge"] = sum(0x7fffffffffffffff);
	@["least"] = sum(-0x7fffffffffffffff);
	@["char"] = sum((char)-1);
	@["unsigned char"] = sum((unsigned char)-1);
	exit(0);
}
