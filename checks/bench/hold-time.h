/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long pidmap_lock is held, in instructions.
 * checks/bench.sh has kernel/pid.c include this first, on the unpatched and on
 * the patched kernel.
 *
 * /sys/module/pid/parameters/{alloc,free}_hold have the longest hold since they
 * were last written to, the sum of all, and how many there were: of free_pid(),
 * and of all others, alloc_pid() and assign_pid(). 6.12 takes the lock with
 * interrupts off, 7.3 leaves them on.
 */
#include <linux/moduleparam.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include "instructions.h"

static spinlock_t pidmap_lock;

static unsigned long alloc_hold[3], free_hold[3];
module_param_array(alloc_hold, ulong, NULL, 0644);
module_param_array(free_hold, ulong, NULL, 0644);
static unsigned long hold_start;

static __always_inline void hold_begins(spinlock_t *lock)
{
	if (lock == &pidmap_lock)
		hold_start = instructions();
}

static __always_inline void hold_ends(spinlock_t *lock, unsigned long *hold)
{
	unsigned long held = instructions() - hold_start - cost_of_measuring();

	if (lock != &pidmap_lock)
		return;
	hold[0] = max(hold[0], held);
	hold[1] += held;
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

#define spin_lock(lock) do {			\
	(spin_lock)(lock);			\
	hold_begins(lock);			\
} while (0)

#define spin_unlock(lock) do {						\
	hold_ends(lock, strcmp(__func__, "free_pid") ? alloc_hold : free_hold); \
	(spin_unlock)(lock);						\
} while (0)
