/* SPDX-License-Identifier: GPL-2.0 */
/* The operations of fuzz_test, and how they are written as text. */
#ifndef SELFTEST_FUZZ_OP_H
#define SELFTEST_FUZZ_OP_H

#include <stdbool.h>
#include <stdio.h>

#include "call.h"

#define PID_LIMIT	32768	/* the highest pid_max here */
#define RESERVED	300	/* lower pids are not picked a second time */
#define MAX_TASKS	4096	/* that a round creates */

/* What an operation does, and its options */

enum op_type {
	/* create a child */
	CALL, CLONE3, FORK,
	/* end a task */
	EXIT, LEAVE, REAP,
	/* change what a task has */
	UNSHARE, SETNS, OPEN, CAPS, SETSID, SETPGID, LAST_PID,
	/* performed by the driver */
	PID_MAX_IS, CHECK,
};

enum opt {
	THREAD		= 0x001,
	LONE_THREAD	= 0x002,	/* without the flags that it needs */
	PARENT		= 0x004,
	NEWPID		= 0x008,
	NEWUSER		= 0x010,
	PIDFD		= 0x020,
	BAD_PIDFD	= 0x040,	/* cannot be stored */
	QUIET		= 0x080,	/* no exit signal */
	WIDE		= 0x100,	/* more than 32 bits of flags */
	ZOMBIE		= 0x200,	/* the child exits at once, */
	REAPED		= 0x400,	/* and is reaped */
	NO_FD		= 0x800,	/* no descriptor is left for the pidfd */
	CGROUP_FULL	= 0x1000,	/* pids.max is reached */
	/* SETNS and OPEN: not the namespace of the target task itself, but */
	CHILDREN	= 0x2000,	/* its pid_for_children */
	OPENED		= 0x4000,	/* the one that it has opened */
};

/* A pid, or the number of a task whose pid at that level is meant */
struct entry {
	bool is_task;
	int nr;
};

#define MAX_ENTRIES	(MAX_LEVELS + 2)

struct op {
	enum op_type type;
	int task;
	int target;		/* the task that it is done to, or the new one */
	unsigned int opts;
	int value;
	bool null;		/* the set pointer is NULL; */
	unsigned int num;	/* or num_pids, */
	int readable;		/* and how many entries can be read; -1: not even num_pids */
	struct entry entry[MAX_ENTRIES];
};

/* A task's capabilities in its user namespace */
enum caps {
	CAPS_NONE,
	CAPS_ADMIN	= 0x1,
	CAPS_RESTORE	= 0x2,
	CAPS_CHOOSE	= CAPS_ADMIN | CAPS_RESTORE,	/* either will do */
	CAPS_ALL	= 0x7,
};

static inline bool makes_child(const struct op *op)
{
	return op->type <= FORK;
}

/* Names of options, for text and for shrinking. */
#define NR_OPTS		15

extern const struct opt_name {
	unsigned int opt;
	const char *text;
} opt_names[NR_OPTS];

void print_op(FILE *f, const struct op *op);
const char *text_of(const struct op *op);
bool parse_op(char *text, struct op *op);

#endif /* SELFTEST_FUZZ_OP_H */
