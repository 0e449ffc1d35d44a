/* a probe description without a clause */
/* options: -x errtags */
BEGIN
