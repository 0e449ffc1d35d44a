// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Cross-calls: another CPU's attention, by an interrupt or by an NMI, with what the kernel offers for it. */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include <asm/nmi.h>
#include "host.h"
#include "kernel.h"

/* One for each target; Rust sees to it that it is queued once at a time. */
static DEFINE_PER_CPU_ALIGNED(call_single_data_t, calls);

static void notrace interrupted(void *unused)
{
	rs_xcall_interrupted(raw_smp_processor_id());
}

static int notrace nmi(unsigned int type, struct pt_regs *regs)
{
	return rs_xcall_nmi(raw_smp_processor_id()) ? NMI_HANDLED : NMI_DONE;
}

asmlinkage int32_t host_xcall_start(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		INIT_CSD(per_cpu_ptr(&calls, cpu), interrupted, NULL);
	return register_nmi_handler(NMI_LOCAL, nmi, 0, "dtrace");
}

asmlinkage void host_xcall_stop(void)
{
	unregister_nmi_handler(NMI_LOCAL, "dtrace");
}

asmlinkage int32_t notrace host_xcall_send(uint32_t cpu)
{
	return smp_call_function_single_async(cpu, per_cpu_ptr(&calls, cpu));
}

asmlinkage void notrace host_xcall_send_nmi(uint32_t cpu)
{
	apic->send_IPI(cpu, NMI_VECTOR);
}

asmlinkage uint32_t notrace host_pin(void)
{
	preempt_disable();
	return raw_smp_processor_id();
}

asmlinkage void notrace host_unpin(void)
{
	preempt_enable();
}

#ifdef TORTURE
/* What dtrace_sync is measured against. */
asmlinkage void host_torture_expedited(void);
asmlinkage void host_torture_broadcast(void);

static void nothing(void *unused)
{
}

asmlinkage void host_torture_expedited(void)
{
	synchronize_rcu_expedited();
}

asmlinkage void host_torture_broadcast(void)
{
	on_each_cpu(nothing, NULL, 1);
}
#endif
