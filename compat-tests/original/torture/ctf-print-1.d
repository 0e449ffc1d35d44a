/* A structure that the kernel's types describe, at an address that is a symbol's. */
/* needs: types */
BEGIN { print(*((struct file *)&`init_task)); exit(0); }
