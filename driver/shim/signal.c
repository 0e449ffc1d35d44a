// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Signals to processes, and work that waits for an interrupt which a CPU takes as soon as interrupts are on again. */
#include <linux/irq_work.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include "host.h"

static DEFINE_PER_CPU(struct irq_work, deferred);

static void notrace run(struct irq_work *work)
{
	rs_deferred();
}

/* Not in the definition: a module's per-CPU data is not relocated. */
asmlinkage void host_defer_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		init_irq_work(&per_cpu(deferred, cpu), run);
}

asmlinkage void notrace host_defer(void)
{
	irq_work_queue(this_cpu_ptr(&deferred));
}

asmlinkage void host_defer_wait(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu(deferred, cpu));
}

/* A host_process is a struct pid. */
asmlinkage struct host_process *notrace host_process(void)
{
	return (struct host_process *)task_tgid(current);
}

asmlinkage void notrace host_process_hold(struct host_process *process)
{
	get_pid((struct pid *)process);
}

asmlinkage void notrace host_process_signal(struct host_process *process, int32_t signal)
{
	kill_pid((struct pid *)process, signal, 1);
}

asmlinkage void notrace host_process_release(struct host_process *process)
{
	put_pid((struct pid *)process);
}
