/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The processes and threads that perform operations for fuzz_test, one at a
 * time and as the driver orders.
 */
#ifndef SELFTEST_FUZZ_WORKER_H
#define SELFTEST_FUZZ_WORKER_H

#include <stdbool.h>

#include "call.h"
#include "fuzz_op.h"

#define BATCH		16	/* calls that a task makes in one go */

/* What the driver has a task do */
enum order {
	MAKE_CALLS, EXIT_PROCESS, EXIT_THREAD, WAIT_FOR, UNSHARE_FLAGS,
	SET_NS, KEEP_CAPS, NEW_SESSION, NEW_GROUP, WRITE_LAST_PID,
	READ_LAST_PID,
};

/* A call of MAKE_CALLS, and its result */
struct call {
	struct op op;
	struct slot *child;
	long rc;
	int pidfd;
};

/* Shared between the driver and one task: the order and its result */
struct slot {
	struct clone_stack stack;
	bool taken;
	int go, up;		/* eventfds: an order was given; the task runs */

	enum order order;
	long arg, rc;
	struct call call[BATCH];
	int nr_calls;

	/* The task fills in its pid at each level. */
	unsigned int opts;
	int levels;
	int fd[MAX_LEVELS], nr[MAX_LEVELS];
	int pid_max;		/* that an init sets in its namespace */
	int pid_max_fd;		/* which it opens here */
};

extern __s32 *guard;		/* start of a page that cannot be read */
extern int done;		/* eventfd: an order is done */

long or_errno(long rc);
void post(int fd);
bool await(int fd);
int write_pid_max(int fd, int pid_max);
int first_worker(struct start *sp);

#endif /* SELFTEST_FUZZ_WORKER_H */
