// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Signals to the current process from probe context, which may hold any lock of the kernel: the request waits, with a
 * reference to the process, for an interrupt that this CPU takes as soon as interrupts are on again.
 */
#include <linux/irq_work.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include "host.h"

#define ROOM 16

struct request {
	struct pid *process;
	int signal;
};

/* Of one CPU, touched only there and with interrupts off. */
struct queue {
	struct irq_work work;
	bool delivering;
	unsigned int len;
	struct request requests[ROOM];
};

static DEFINE_PER_CPU(struct queue, queues);

static void notrace deliver(struct irq_work *work)
{
	struct queue *queue = container_of(work, struct queue, work);
	unsigned int i;

	/* A probe that fires in here may not ask for more: it would never end. */
	queue->delivering = true;
	for (i = 0; i < queue->len; i++) {
		kill_pid(queue->requests[i].process, queue->requests[i].signal, 1);
		put_pid(queue->requests[i].process);
	}
	queue->len = 0;
	queue->delivering = false;
}

bool notrace host_send_signal(int32_t signal)
{
	struct queue *queue = this_cpu_ptr(&queues);
	struct pid *process = task_tgid(current);
	unsigned int i;

	if (queue->delivering)
		return false;
	for (i = 0; i < queue->len; i++)
		if (queue->requests[i].process == process && queue->requests[i].signal == signal)
			return true;
	if (queue->len == ROOM)
		return false;
	queue->requests[queue->len++] = (struct request){ get_pid(process), signal };
	irq_work_queue(&queue->work);
	return true;
}

/* Not in the definition: a module's per-CPU data is not relocated. */
void host_signals_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(queues, cpu).work = IRQ_WORK_INIT(deliver);
}

void host_signals_wait(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu(queues, cpu).work);
}
