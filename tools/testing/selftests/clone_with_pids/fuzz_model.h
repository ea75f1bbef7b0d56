/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model that fuzz_test compares the kernel with. It predicts the outcome of
 * calls and the pids of children by the rules of Documentation/clone-with-pids,
 * clone(2), pid_namespaces(7) and user_namespaces(7).
 *
 * Level 0 is the namespace that the test was started in. Other processes take
 * pids there, so the model is told what the kernel has picked there.
 */
#ifndef SELFTEST_FUZZ_MODEL_H
#define SELFTEST_FUZZ_MODEL_H

#include <stdbool.h>

#include "call.h"
#include "fuzz_op.h"

#define MAX_PRESENT	112	/* tasks at the same time, zombies among them */
#define MAX_NS		160
#define MAX_USERNS	64
#define USERNS_DEPTH	8

struct ns {
	enum { NS_NONE, NS_EMPTY, NS_LIVE, NS_DEAD } state;
	int level;
	struct ns *parent;
	int owner;		/* a user namespace */
	int cursor;		/* the search for a free pid begins there */
	int refs;
	int pids;		/* how many are in use */
	struct task *init;
	const struct task *maker;	/* the task that called unshare() */
	bool failed;		/* creation of an init has failed */
	int fd, pid_max_fd;	/* the driver's, -1 for none */
	unsigned char used[PID_LIMIT / 8];
};

struct pids {
	struct ns *ns;		/* the youngest */
	int nr[MAX_LEVELS];
	int users;		/* references: a task, groups, sessions */
};

struct task {
	bool present;		/* exists, alive or a zombie */
	bool alive;
	struct pids pids;
	struct task *leader;	/* of its thread group: the process */
	struct ns *children;	/* pid_for_children */
	struct ns *opened;	/* that it has a descriptor for, or NULL */
	int userns;
	enum caps caps;
	struct slot *slot;	/* the driver's */

	/* of a leader: */
	int threads;		/* alive */
	struct task *parent;	/* the process */
	struct pids *pgrp, *session;
	bool waits;		/* an exiting init, for its namespace to be empty */
};

/* The outcomes of a call that is to create a child */
enum outcome {
	SUCCESS,
	SET_UNREADABLE, TOO_MANY, MAY_NOT_CALL, BAD_FLAGS, NEWPID_DENIED,
	TOO_DEEP, NO_PRIVILEGE, OUT_OF_RANGE, NOT_FIRST, BUSY,
	/* These are found after the set was judged and before a pid is taken. */
	NO_DESCRIPTOR, PIDFD_UNWRITABLE, TOO_MANY_TASKS,
	INIT_GONE, NO_FREE_PID,
	NR_OUTCOMES,
};

extern const struct outcome_info {
	int err;
	const char *text;
} outcomes[NR_OUTCOMES];

/*
 * Corner cases that a run must reach. Kernels have crashed after ANCESTOR_GONE,
 * and when a first fork failed and another task forked into the namespace.
 */
enum corner {
	DEEPEST, HELD_BY_GROUP, CURSOR_TURNS,
	DEAD_ENTERED, ANCESTOR_DEAD, ANCESTOR_GONE,
	FIRST_FAILED, OTHER_FAILED, OTHERS_INIT, OTHER_NOT_FIRST,
	NR_CORNERS,
};

extern const char *const corner_names[NR_CORNERS];

/* The state: task 0, in a pid namespace of level 1, and its descendants */
extern struct model {
	int pid_max;
	struct ns ns[MAX_NS];		/* the first is that of level 0 */
	int userns_parent[MAX_USERNS];	/* number 0 is its own */
	int nr_userns;
	struct task task[MAX_TASKS];
	struct task *present[MAX_PRESENT];
	int nr_present;
	/* Tasks that were reaped, and that have exited, since the counts were reset */
	struct task *gone[MAX_PRESENT], *died[2 * MAX_PRESENT];
	int nr_gone, nr_died;
} model;

extern unsigned long corners[NR_CORNERS];

/* Newer kernels, where each namespace has its own pid_max, check that last. */
extern bool death_is_found_last;

/* Is @nr in use at level 0 by a process outside the model? Asks the kernel. */
bool used_outside(int nr);

struct ns *ns_at(struct ns *ns, int level);
bool is_below(struct ns *ns, struct ns *above);
struct ns *dead_ns(struct ns *ns);
bool has_cap(const struct task *t, int userns, enum caps caps);
bool is_init(const struct task *t);

void init_model(int pid_max);
bool applies(const struct op *op);
bool resolve(struct op *op);
struct ns *op_ns(const struct op *op);
int model_step(const struct op *op, enum outcome *outcome);
bool learn_pid(struct task *t, int nr);
void exit_child(const struct op *op);

#endif /* SELFTEST_FUZZ_MODEL_H */
