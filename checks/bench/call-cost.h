/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a fork pays for its struct pid, in instructions. checks/bench.sh has
 * kernel/fork.c include this first, on the unpatched and on the patched kernel;
 * kernel/pid.c is compiled as ever.
 *
 * /sys/module/fork/parameters/pid_cost has two numbers for the last call. The
 * first is the cost of alloc_pid() and, on the patched kernel, of assign_pid().
 * If that fails it is for copy_process() to free the pid, which alloc_pid() of
 * the unpatched kernel does itself; so put_pid() counts, too. The second is the
 * cost of pid_ns_is_dead(). The unpatched kernel has a single test in its place.
 */
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include "instructions.h"

static unsigned long pid_cost[2];
module_param_array(pid_cost, ulong, NULL, 0644);
static bool pid_refused;

#define alloc_pid(...) ({						\
	unsigned long start_ = instructions();				\
	struct pid *pid_ = (alloc_pid)(__VA_ARGS__);			\
									\
	pid_cost[0] = instructions() - start_ - cost_of_measuring();	\
	pid_cost[1] = 0;						\
	pid_refused = false;						\
	pid_;								\
})

#define assign_pid(...) ({						\
	unsigned long start_ = instructions();				\
	int err_ = (assign_pid)(__VA_ARGS__);				\
									\
	pid_cost[0] += instructions() - start_ - cost_of_measuring();	\
	pid_refused = err_;						\
	err_;								\
})

#define put_pid(...) do {						\
	unsigned long start_ = instructions();				\
									\
	(put_pid)(__VA_ARGS__);						\
	if (pid_refused)						\
		pid_cost[0] += instructions() - start_ -		\
			       cost_of_measuring();			\
	pid_refused = false;						\
} while (0)

#define pid_ns_is_dead(...) ({						\
	unsigned long start_ = instructions();				\
	bool dead_ = (pid_ns_is_dead)(__VA_ARGS__);			\
									\
	pid_cost[1] = instructions() - start_ - cost_of_measuring();	\
	dead_;								\
})
