// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Processors: probe context, calls on another CPU, the control mutex. */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include "host.h"

static DEFINE_MUTEX(control);

asmlinkage uint32_t notrace host_cpu_ids(void)
{
	return nr_cpu_ids;
}

asmlinkage bool notrace host_cpu_online(uint32_t cpu)
{
	return cpu < nr_cpu_ids && cpu_online(cpu);
}

asmlinkage bool notrace host_cpu_possible(uint32_t cpu)
{
	return cpu < nr_cpu_ids && cpu_possible(cpu);
}

asmlinkage uint32_t notrace host_enter(uint64_t *flags)
{
	unsigned long saved;

	raw_local_irq_save(saved);
	*flags = saved;
	return raw_smp_processor_id();
}

asmlinkage void notrace host_leave(uint64_t flags)
{
	raw_local_irq_restore((unsigned long)flags);
}

asmlinkage bool notrace host_in_nmi(void)
{
	return in_nmi();
}

asmlinkage bool notrace host_rcu_watching(void)
{
	return rcu_is_watching();
}

asmlinkage void notrace host_relax(void)
{
	cpu_relax();
}

asmlinkage void host_sleep_us(uint32_t us)
{
	usleep_range(us, us + us / 2 + 1);
}

asmlinkage void host_synchronize(void)
{
	synchronize_rcu();
}

asmlinkage int32_t host_move_to(uint32_t cpu, void *arg)
{
	cpumask_var_t before;
	int32_t error = -ENOMEM;

	if (!zalloc_cpumask_var(&before, GFP_KERNEL))
		return error;
	cpumask_copy(before, current->cpus_ptr);
	error = set_cpus_allowed_ptr(current, cpumask_of(cpu));
	if (!error) {
		rs_call(arg);
		set_cpus_allowed_ptr(current, before);
	}
	free_cpumask_var(before);
	return error;
}

asmlinkage void host_hotplug_lock(void)
{
	cpus_read_lock();
}

asmlinkage void host_hotplug_unlock(void)
{
	cpus_read_unlock();
}

int dtrace_cpu_id;
struct host_cpu_desc dtrace_curcpu;

asmlinkage uint32_t notrace host_this_cpu(void)
{
	return raw_smp_processor_id();
}

asmlinkage void host_lock(void)
{
	mutex_lock(&control);
}

asmlinkage int32_t host_lock_killable(void)
{
	return mutex_lock_killable(&control);
}

asmlinkage bool host_killed(void)
{
	return fatal_signal_pending(current);
}

asmlinkage void host_unlock(void)
{
	mutex_unlock(&control);
}
