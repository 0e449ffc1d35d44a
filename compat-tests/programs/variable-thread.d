/* thread-local variables from clause to clause */
#pragma D option quiet

self int number;
self string text;
BEGIN { printf("[%d]\n", self->number); self->number = 42; self->text = "thread"; self->free = 'f'; }
BEGIN { printf("[%d] [%s] [%c]\n", self->number, self->text, self->free); self->text = 0; self->number = 0; }
BEGIN { printf("[%d]\n", self->number); exit(0); }
