/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver of fuzz_test: has workers perform operations, and compares what
 * the kernel does with what the model does.
 */
#ifndef SELFTEST_FUZZ_DRIVE_H
#define SELFTEST_FUZZ_DRIVE_H

#include <assert.h>
#include <stdbool.h>
#include <sys/types.h>

#include "fuzz_model.h"
#include "fuzz_op.h"

#define MAX_OPS		3000	/* in a round */
#define PATIENCE	10	/* seconds until an operation counts as hung */
#define LESS_PATIENCE	2	/* after the first that hung */

static_assert(MAX_OPS < MAX_TASKS, "each operation can have a task");

extern struct stats {
	unsigned long calls, ops, others;
	unsigned long outcomes[NR_OUTCOMES];
} stats;

extern bool verbose;
extern bool have_cgroup;
extern int patience;
extern char disagreement[4096];

int task_id(const struct task *t);
void make_cgroup(void);
void make_slots(void);
void on_alarm(int sig);

pid_t start_round(void);
bool agree(const struct op *op);
bool end_round(pid_t pid, bool good);
bool run_ops(struct op *ops, int *nr);

/* Prints a shorter sequence than @ops that shows a disagreement, too. */
void shrink(const struct op *ops, int nr);

#endif /* SELFTEST_FUZZ_DRIVE_H */
