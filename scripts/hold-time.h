/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long kernel/pid.c holds pidmap_lock, with interrupts off: included ahead
 * of it by scripts/bench.sh, on the unpatched and on the patched kernel alike.
 *
 * /sys/module/pid/parameters/{alloc,free}_hold have the longest hold in ticks
 * of the TSC, the sum of all, and their number: of those who know that
 * interrupts are on, and of those who do not. These are alloc_pid() and
 * free_pid() in the main.
 */
#include <linux/moduleparam.h>
#include <linux/spinlock.h>
#include <asm/msr.h>

static spinlock_t pidmap_lock;

static unsigned long alloc_hold[3], free_hold[3];
module_param_array(alloc_hold, ulong, NULL, 0644);
module_param_array(free_hold, ulong, NULL, 0644);
static u64 hold_start;

static inline void hold_begins(spinlock_t *lock)
{
	if (lock == &pidmap_lock)
		hold_start = rdtsc();
}

static inline void hold_ends(spinlock_t *lock, unsigned long *hold)
{
	unsigned long t;

	if (lock != &pidmap_lock)
		return;
	t = rdtsc() - hold_start;
	if (t > hold[0])
		hold[0] = t;
	hold[1] += t;
	hold[2]++;
}

#define spin_lock_irq(lock) do {		\
	(spin_lock_irq)(lock);			\
	hold_begins(lock);			\
} while (0)

#define spin_unlock_irq(lock) do {		\
	hold_ends(lock, alloc_hold);		\
	(spin_unlock_irq)(lock);		\
} while (0)

#undef spin_lock_irqsave
#define spin_lock_irqsave(lock, flags) do {			\
	raw_spin_lock_irqsave(spinlock_check(lock), flags);	\
	hold_begins(lock);					\
} while (0)

#define spin_unlock_irqrestore(lock, flags) do {	\
	hold_ends(lock, free_hold);			\
	(spin_unlock_irqrestore)(lock, flags);		\
} while (0)
