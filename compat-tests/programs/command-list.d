/* -l: the list of probes */
/* normalise: ids */
/* command: -l -n BEGIN -n dtrace::: -P dtrace -n tick-5000 */
