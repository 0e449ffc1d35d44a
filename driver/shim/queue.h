/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The driver's work queue, for the files of the shim. It exists from host_housekeep_start to host_housekeep_stop. */
#ifndef DTRACE_QUEUE_H
#define DTRACE_QUEUE_H

struct work_struct;

/* Has the queue do it; what is on it is done before host_housekeep_stop returns. Process context. */
void queue_up(struct work_struct *work);

#endif
