/* Sixteen addresses that are nobody's, some of which no processor can have. */
/* options: -b 32k */
/* Every firing is an error, and the userland that prints them all is slow: it gets as many as these buffers hold. */
syscall::: { printf("%s\n", stringof((char *)0)); }
syscall::: { printf("%s\n", stringof((char *)1)); }
syscall::: { printf("%s\n", stringof((char *)7)); }
syscall::: { printf("%s\n", stringof((char *)0xfff)); }
syscall::: { printf("%s\n", stringof((char *)0x1000)); }
syscall::: { printf("%s\n", stringof((char *)0x7fffffff)); }
syscall::: { printf("%s\n", stringof((char *)0x80000000)); }
syscall::: { printf("%s\n", stringof((char *)0xffffffff)); }
syscall::: { printf("%s\n", stringof((char *)0x100000000)); }
syscall::: { printf("%s\n", stringof((char *)0x7ffffffff000)); }
syscall::: { printf("%s\n", stringof((char *)0x7fffffffffff)); }
syscall::: { printf("%s\n", stringof((char *)0x800000000000)); }
syscall::: { printf("%s\n", stringof((char *)0xdeadbeefdeadbeef)); }
syscall::: { printf("%s\n", stringof((char *)0x8000000000000000)); }
syscall::: { printf("%s\n", stringof((char *)0xffff7fffffffffff)); }
syscall::: { printf("%s\n", stringof((char *)0xffffffffffffffff)); }
tick-5s { exit(0); }
