/*
 * Where a thread's state and processor are in its structure: before Linux 5.14.
 */

inline uint_t task_state[struct task_struct *T] = T->state;
inline int task_cpu[struct task_struct *T] = T->cpu;
