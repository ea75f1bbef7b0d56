// SPDX-License-Identifier: GPL-2.0
/*
 * What a call costs, for callers nested 1, 4, 32 and 33 pid namespaces deep.
 * The children share memory with the caller and exit at once, so that what is
 * measured is not the copying of page tables. On a kernel without
 * clone_with_pids() only the other calls are measured.
 *
 * On a kernel that measures how long pidmap_lock is held, it is this that is
 * told, and not how long the calls take.
 */
#include <linux/sched.h>

#include "clone_with_pids.h"

#define CALLS 3000
#define FLAGS (CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_FS)

static struct clone_stack stack;
static struct any_set chosen, busy;
static pid_t chosen_tids[MAX_LEVELS], busy_tids[MAX_LEVELS];
static int nr_levels;

static int child(const void *set)
{
	return clone_on_stack(FLAGS | SIGCHLD, &stack, NULL, NULL, 0, set, exit_at_once, NULL);
}

static void plain_clone(void)
{
	const unsigned long args[6] = { FLAGS | SIGCHLD, (unsigned long)&stack.top };

	stack.top = (struct start){ .fn = exit_at_once };
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

static int clone3_child(pid_t *tids)
{
	struct clone_args args = {
		.flags = FLAGS,
		.exit_signal = SIGCHLD,
		.stack = (unsigned long)&stack,
		.stack_size = offsetof(struct clone_stack, top),
		.set_tid = (unsigned long)tids,
		.set_tid_size = nr_levels,
	};

	stack.top = (struct start){ .fn = exit_at_once };
	return raw_clone(__NR_clone3,
			 (unsigned long[6]){ (unsigned long)&args, sizeof(args) });
}

static void clone3_chosen(void)
{
	wait_exit(clone3_child(chosen_tids));
}

static void clone3_refused(void)
{
	if (clone3_child(busy_tids) != -EEXIST)
		_exit(KSFT_FAIL);
}

/* The holds of pidmap_lock in alloc_pid() or free_pid(), see below. */
static void tell_holds(const char *who, const char *path)
{
	unsigned long longest, all, holds;
	FILE *f = fopen(path, "re");

	if (!f || fscanf(f, "%lu,%lu,%lu", &longest, &all, &holds) != 3) {
		perror(path);
		_exit(KSFT_FAIL);
	}
	fclose(f);
	printf(" %s %6lu %7.0f %4.1f", who, longest, (double)all / CALLS,
	       (double)holds / CALLS);
}

/* Kernels built with scripts/hold-time.h have these: longest, sum, number. */
#define HOLDS(what) "/sys/module/pid/parameters/" what "_hold"

static void measure(const char *what, void (*call)(void))
{
	const bool holds = !write_str(HOLDS("alloc"), "0,0,0");
	struct timespec a, b;
	int i;

	call();
	write_str(HOLDS("alloc"), "0,0,0");
	write_str(HOLDS("free"), "0,0,0");
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < CALLS; i++)
		call();
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%2d levels: %-46s", nr_levels, what);
	if (holds) {
		tell_holds("alloc", HOLDS("alloc"));
		tell_holds("free", HOLDS("free"));
	} else {
		printf(" %8.2f us", ((b.tv_sec - a.tv_sec) * 1e9 +
				     (b.tv_nsec - a.tv_nsec)) / CALLS / 1e3);
	}
	printf("\n");
	fflush(stdout);
}

static void bench(void)
{
	int i;

	/* The one pid that is in use, the caller's own, is the last to be tried. */
	chosen.num_pids = nr_levels;
	for (i = 0; i < nr_levels; i++) {
		chosen.pids[i] = 20000 + i;
		chosen_tids[i] = 20000 + i;
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
	if (nr_levels < MAX_LEVELS) {
		measure("clone3(), all pids chosen, and wait", clone3_chosen);
		measure("clone3() refused: EEXIST", clone3_refused);
	}
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
