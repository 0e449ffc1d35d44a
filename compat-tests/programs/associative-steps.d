/* steps and assignments of elements, with keys of several types */
#pragma D option quiet
BEGIN { a[1,"x"] = 5; a[2,"y"] = a[1,"x"]++; b[(int64_t)1] = "s"; printf("%d %d %s\n", a[1,"x"], a[2,"y"], b[1]); self->q[3] = 4; self->q[3] += 2; printf("%d\n", self->q[3]); trace(1 ? "a" : "b"); x = (string)"zz"; printf("%s %d\n", x, x < "zzz"); exit(0); }
