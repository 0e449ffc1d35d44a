/* The probes of the network do no harm. */
/* needs: tcp */
tcp::: { @[probename] = count(); }
tick-5s { exit(0); }
