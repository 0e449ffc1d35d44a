/* -l -v: what the list says of stability */
/* command: -lv -n dtrace:::BEGIN -i 2 */
