// SPDX-License-Identifier: GPL-2.0
/*
 * What a call costs, for callers nested 1, 4, 32 and 33 pid namespaces deep.
 * The children share memory with the caller and exit at once, so that what is
 * measured is not the copying of page tables. On a kernel without
 * clone_with_pids() only the other calls are measured.
 */
#include <linux/sched.h>
#include <time.h>

#include "clone_with_pids.h"

#define CALLS 3000
#define FLAGS (CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_FS)

static struct clone_stack stack;
static struct any_set chosen, busy;
static pid_t busy_tids[MAX_LEVELS];
static int nr_levels;

static int leave(struct start *sp)
{
	return 0;
}

static int child(const void *set)
{
	return clone_on_stack(FLAGS | SIGCHLD, &stack, NULL, NULL, 0, set, leave, NULL);
}

static void plain_clone(void)
{
	const unsigned long args[6] = { FLAGS | SIGCHLD, (unsigned long)&stack.top };

	stack.top = (struct start){ .fn = leave };
	wait_exit(raw_clone(__NR_clone, args));
}

static void with_chosen_pids(void)
{
	wait_exit(child(&chosen));
}

static void refused(void)
{
	if (child(&busy) != -EBUSY)
		_exit(KSFT_FAIL);
}

static void clone3_refused(void)
{
	struct clone_args args = {
		.flags = FLAGS,
		.exit_signal = SIGCHLD,
		.set_tid = (unsigned long)busy_tids,
		.set_tid_size = nr_levels,
	};

	if (syscall(__NR_clone3, &args, sizeof(args)) != -1 || errno != EEXIST)
		_exit(KSFT_FAIL);
}

static void measure(const char *what, void (*call)(void))
{
	struct timespec a, b;
	int i;

	call();
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < CALLS; i++)
		call();
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%2d levels: %-46s %8.2f us\n", nr_levels, what,
	       ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / CALLS / 1e3);
	fflush(stdout);
}

static void bench(void)
{
	int i;

	/* The one pid that is in use, the caller's own, is the last to be tried. */
	chosen.num_pids = nr_levels;
	for (i = 0; i < nr_levels; i++) {
		chosen.pids[i] = 20000 + i;
		busy_tids[i] = 20000 + i;
	}
	busy = chosen;
	busy.pids[nr_levels - 1] = getpid();
	busy_tids[nr_levels - 1] = read_nspid("/proc/self/status").pid[0];

	measure("clone(), and wait", plain_clone);
	if (clone_with_pids(0, NULL, NULL, NULL, 0, &(__u32){ UINT_MAX }) == -EINVAL) {
		measure("clone_with_pids(), all pids chosen, and wait", with_chosen_pids);
		measure("clone_with_pids() refused: EBUSY", refused);
	}
	if (nr_levels < MAX_LEVELS)
		measure("clone3() refused: EEXIST", clone3_refused);
}

int main(void)
{
	(void)test_harness_run;		/* no test, although it shares their header */

	for (nr_levels = 1; nr_levels <= MAX_LEVELS; nr_levels++) {
		if (nr_levels > 1) {
			must_unshare(CLONE_NEWPID);
			go_on_as_child();
		}
		if (nr_levels == 1 || nr_levels == 4 || nr_levels >= MAX_LEVELS - 1)
			bench();
	}
	return 0;
}
