/* count by name */
syscall:::entry { @[execname, probefunc] = count(); }

/* latency */
syscall::read:entry { self->t = timestamp; }
syscall::read:return /self->t/ { @[pid] = quantize(timestamp - self->t); self->t = 0; }

/* printf */
BEGIN { printf("%d %s %x\n", pid, execname, (long long)timestamp); exit(0); }

/* all aggregations */
tick-10ms { @a = min(pid); @b = max(pid); @c = avg(pid); @d = sum(pid); @e = stddev(pid);
  @f = lquantize(pid, 0, 100, 10); @g = llquantize(pid, 10, 0, 6, 20); }

/* speculation */
syscall::openat:entry { self->s = speculation(); speculate(self->s); printf("%s", copyinstr(arg1)); }
syscall::openat:return /self->s && errno/ { commit(self->s); self->s = 0; }
syscall::openat:return /self->s/ { discard(self->s); self->s = 0; }

/* associative arrays */
int a[string, int];
int seen[int];
syscall::write:entry { a[execname, pid]++; seen[tid] = a[execname, pid]; trace(seen[tid]); }
syscall::write:return /a["cat", 5] > 3/ { a["cat", 5] = 0; }

/* strings */
syscall::openat:entry { this->p = copyinstr(arg1); trace(strjoin(basename(this->p), dirname(this->p)));
  trace(substr(this->p, 1, 3)); trace(strlen(this->p)); trace(index(this->p, "/")); trace(strtok(this->p, "/")); }

/* stacks */
profile-97 { stack(5); ustack(3); @[stack()] = count(); @u[ustack()] = count(); }

/* destructive */
#pragma D option destructive
syscall::kill:entry { stop(); raise(9); chill(100); system("date %d", pid); freopen("/tmp/x"); copyout("a", arg0, 1); }

/* memory */
syscall::write:entry { tracemem(copyin(arg1, 16), 16); trace(*(int *)alloca(8)); this->b = (char *)alloca(10); this->b[3] = 'x';
  bcopy(this->b, alloca(10), 10); }

/* control */
BEGIN { i = 0; x = 5 ? 1 : 2; y = x && !i || (x ^ i); trace(x < i ? "less" : "more"); }
tick-1s /i++ > 3/ { @t = count(); }
END { printa(@t); clear(@t); normalize(@t, 3); }
ERROR { trace(arg1); trace(arg4); }
