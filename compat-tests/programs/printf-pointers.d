/* printf() of pointers, as %p and as %x */
#pragma D option quiet

BEGIN { this->p = (int *)4096; printf("%p %x %d\n", this->p, (uintptr_t)this->p, (uintptr_t)(this->p + 1)); printf("[%16p] [%-16p]\n", this->p, this->p); printf("%p\n", NULL); exit(0); }
