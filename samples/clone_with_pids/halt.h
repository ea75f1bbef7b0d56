/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How checkpoint halts a tree, and what it knows of its processes then.
 */
#ifndef HALT_H
#define HALT_H

#include "pidtree.h"

/* A process of /proc, in the order of their numbers. */
struct process {
	struct status st;
	bool in_tree;
	struct process *child, *sibling;	/* the first; the next; by number */
};

extern struct process *process;
extern int num_processes;

struct process *find_process(pid_t pid);
void halt_tree(pid_t root);
bool was_stopped(pid_t tid);
bool may_be_asked(pid_t tid);
void let_go(void);

/* ask.c */
int ask_subreaper(pid_t tid, bool filtered);

#endif /* HALT_H */
