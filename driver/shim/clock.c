// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Clocks, interval timers in interrupt context, and the periodic work of the engine. */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <asm/irq_regs.h>
#include "host.h"
#include "kernel.h"
#include "queue.h"

asmlinkage uint64_t notrace host_timestamp(void)
{
	return ktime_get_mono_fast_ns();
}

asmlinkage uint64_t notrace host_walltime(void)
{
	return ktime_get_real_fast_ns();
}

struct host_timer {
	struct hrtimer timer;
	uint64_t interval;
	void *cookie;
	uint32_t cpu;
};

static enum hrtimer_restart notrace fire(struct hrtimer *hrtimer)
{
	struct host_timer *timer = container_of(hrtimer, struct host_timer, timer);

	if (!rs_timer(timer->cookie, timer, get_irq_regs()))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(hrtimer, ns_to_ktime(timer->interval));
	return HRTIMER_RESTART;
}

/* Runs on the CPU that the timer shall stay on. */
static void start_here(void *arg)
{
	struct host_timer *timer = arg;

	hrtimer_start(&timer->timer, ns_to_ktime(timer->interval), HRTIMER_MODE_REL_PINNED_HARD);
}

asmlinkage struct host_timer *host_timer_start(uint32_t cpu, uint64_t interval, void *cookie)
{
	struct host_timer *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return NULL;
	timer->interval = interval;
	timer->cookie = cookie;
	timer->cpu = cpu;
	hrtimer_setup(&timer->timer, fire, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	if (smp_call_function_single(cpu, start_here, timer, 1)) {
		kfree(timer);
		return NULL;
	}
	return timer;
}

asmlinkage void host_timer_stop(struct host_timer *timer)
{
	hrtimer_cancel(&timer->timer);
	kfree(timer);
}

asmlinkage uint32_t notrace host_timer_cpu(const struct host_timer *timer)
{
	return timer->cpu;
}

asmlinkage bool host_timer_runs(const struct host_timer *timer)
{
	return hrtimer_active(&timer->timer);
}

asmlinkage uint64_t notrace host_timer_late(const struct host_timer *timer)
{
	return ktime_get_mono_fast_ns() - ktime_to_ns(hrtimer_get_expires(&timer->timer));
}

static struct workqueue_struct *queue;
static void housekeep(struct work_struct *work);
static DECLARE_DELAYED_WORK(housekeeping, housekeep);

static void housekeep(struct work_struct *work)
{
	queue_delayed_work(queue, &housekeeping, max(nsecs_to_jiffies(rs_housekeep()), 1UL));
}

static void heartbeat(struct work_struct *work);
static DECLARE_DELAYED_WORK(heart, heartbeat);

static void heartbeat(struct work_struct *work)
{
	rs_heartbeat();
	queue_delayed_work(queue, &heart, HZ);
}

asmlinkage int32_t host_housekeep_start(void)
{
	/* Three at once: housekeeping and heartbeat wait neither for each other nor for what else is on the queue. */
	queue = alloc_workqueue("dtrace", WQ_UNBOUND, 3);
	if (!queue)
		return -ENOMEM;
	queue_delayed_work(queue, &housekeeping, 0);
	queue_delayed_work(queue, &heart, 0);
	return 0;
}

asmlinkage void host_housekeep_now(void)
{
	mod_delayed_work(queue, &housekeeping, 0);
}

void queue_up(struct work_struct *work)
{
	queue_work(queue, work);
}

asmlinkage void host_housekeep_stop(void)
{
	cancel_delayed_work_sync(&housekeeping);
	cancel_delayed_work_sync(&heart);
	destroy_workqueue(queue);
}
