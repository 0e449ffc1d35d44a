/*
 * Where a thread's state and processor are in its structure: since Linux 5.16.
 */

inline uint_t task_state[struct task_struct *T] = T->__state;
inline int task_cpu[struct task_struct *T] = T->thread_info.cpu;
