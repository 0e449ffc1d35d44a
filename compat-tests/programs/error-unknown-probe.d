/* a probe that there is not */
/* options: -x errtags */
nosuch:::probe { trace(1); }
