/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The plan of restart: plan.c makes it, perform.c has it carried out.
 */
#ifndef RESTART_H
#define RESTART_H

#include <signal.h>

#include "pidtree.h"

#define EXIT_IMPOSSIBLE	4

/*
 * A task of the plan. Number 0 is restart itself; then come those of the record
 * in its order, then helpers. Processes, sessions and groups are known by their
 * id at one level, that of restart: key(). 0 is one that is led from outside.
 */
enum { SELF };

struct actor {
	struct task task;	/* what it shall become */
	bool made;
	pid_t sid, pgid;	/* where it is by now */
	bool bound;		/* it has to be born in a session, and to leave it later */
	struct ids birth;
	bool group_bound;	/* it has to be in a group, and to leave it later */
	struct ids first_pgid;
	bool any_pid;		/* a helper: another will do if this one is taken */
	int next_in_group;	/* the next actor that shall be in the same group, or 0 */
	pid_t known_as;		/* to its creator */
};

enum op {
	CLONE,			/* create the process @who; @how: more flags */
	CLONE_THREAD_OF,	/* create the thread @who */
	SET_SID,
	SET_PGID,		/* put @who into the group @how, as this task sees it */
	ENTER,			/* from now on, children are born in the pid namespace of @who */
	ADOPT,			/* @how: do orphaned descendants come here? */
	END,			/* end as a process with the wait status @how; threads live on */
	REAP,			/* wait for the helper @who to exit */
	SEND,			/* send @who the signal @how */
};

struct step {
	enum op op;
	int actor, who, how;
};

/* Both are in memory that all share, so that a fork has little to copy. */
extern struct actor *actor;
extern int num_actors;
extern int num_recorded;	/* with SELF; then come helpers */
extern struct step *step;	/* counted from 1 */
extern int num_steps;
extern int base;		/* restart's level in the record; -1: an older one */

/* plan.c */
pid_t key(const struct ids *ids);
void look_over(const struct tree *tree);
void make_plan(const struct tree *tree, bool outside);
bool in_record(pid_t pid);
pid_t next_spare(pid_t pid);
void print_step(FILE *out, const struct step *s);

/* perform.c */
enum method { CLONE_WITH_PIDS, CLONE3, NS_LAST_PID };

extern enum method method;
extern int proc_index;		/* of restart's pid namespace, in /proc's lists of ids */

void find_self(void);
void set_stage(const sigset_t *ending);
unsigned int direct(unsigned int nr, int *error);
void finish(void);
pid_t pid_of(int i);
int read_actor(struct status *st, int i);
void undo(void);

#endif /* RESTART_H */
