/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model that fuzz_test.c compares the kernel with: what becomes of calls
 * that make a child, and which pids it gets, as Documentation/clone-with-pids
 * has it; for the rest clone(2), pid_namespaces(7) and user_namespaces(7).
 *
 * Level 0 is where the test was started. Others take pids there, too, so what
 * the kernel picks there is not foretold but learnt. All else is foretold.
 */
#ifndef SELFTEST_FUZZ_MODEL_H
#define SELFTEST_FUZZ_MODEL_H

#include <stdbool.h>

#include "../kselftest.h"
#include "call.h"
#include "namespaces.h"

#define PID_LIMIT	32768	/* the highest pid_max here */
#define RESERVED	300	/* lower pids are not picked a second time */

#define MAX_TASKS	4096	/* in the life of a world, */
#define MAX_HERE	112	/* and at the same time, zombies among them */
#define MAX_NS		160
#define MAX_USERNS	64
#define USERNS_DEPTH	8

/* What is done, and how */

enum what {
	/* to make a child, */
	CALL, CLONE3, FORK,
	/* to end it, */
	EXIT, LEAVE, REAP,
	/* what there is besides, */
	UNSHARE, SETNS, OPEN, CAPS, SETSID, SETPGID, LAST_PID,
	/* and by no task of the world: */
	PID_MAX_IS, CHECK,
};

enum how {
	THREAD		= 0x001,
	LONE_THREAD	= 0x002,	/* without the flags that it needs */
	PARENT		= 0x004,
	NEWPID		= 0x008,
	NEWUSER		= 0x010,
	PIDFD		= 0x020,
	BAD_PIDFD	= 0x040,	/* has nowhere to go */
	QUIET		= 0x080,	/* no exit signal */
	WIDE		= 0x100,	/* more than 32 bits of flags */
	ZOMBIE		= 0x200,	/* the child exits at once, */
	REAPED		= 0x400,	/* and is reaped */
	NO_FD		= 0x800,	/* none is left for the pidfd */
	CGROUP_FULL	= 0x1000,	/* pids.max is reached */
	/* Of SETNS and OPEN: not the namespace that the other lives in, but */
	CHILDREN	= 0x2000,	/* the one that its children are born in */
	OPENED		= 0x4000,	/* the one that it has a descriptor for */
};

/* A pid, or what a task is called where the entry stands for. */
struct entry {
	bool is_task;
	int nr;
};

#define MAX_ENTRIES	(MAX_LEVELS + 2)

struct op {
	enum what what;
	int who;
	int other;		/* to whom; a child gets this name */
	unsigned int how;
	int value;
	bool null;		/* no set, or */
	unsigned int num;	/* one with so many entries, */
	int readable;		/* of which so many can be read; -1: not num */
	struct entry entry[MAX_ENTRIES];
};

/* What a task has over its user namespace */
enum caps {
	CAPS_NONE,
	CAPS_ADMIN	= 0x1,
	CAPS_RESTORE	= 0x2,
	CAPS_CHOOSE	= CAPS_ADMIN | CAPS_RESTORE,	/* either will do */
	CAPS_ALL	= 0x7,
};

struct ns {
	enum { NS_NONE, NS_EMPTY, NS_LIVE, NS_DEAD } state;
	int level;
	struct ns *parent;
	int owner;		/* a user namespace */
	int cursor;		/* the search for a free pid begins there */
	int refs;
	int pids;		/* how many are in use */
	struct task *init;
	const struct task *maker;	/* who unshared it */
	bool failed;		/* to get an init, when one was to be born */
	int fd, pid_max_fd;	/* the driver's, -1 for none */
	unsigned char used[PID_LIMIT / 8];
};

struct pids {
	struct ns *ns;		/* the youngest */
	int nr[MAX_LEVELS];
	int users;		/* a task, groups and sessions */
};

struct task {
	bool here;		/* exists, be it as a zombie */
	bool alive;
	struct pids pids;
	struct task *leader;	/* of its thread group: the process */
	struct ns *children;	/* where they are born */
	struct ns *opened;	/* what it has a descriptor for, or NULL */
	int userns;
	enum caps caps;
	struct place *place;	/* the driver's */

	/* of a leader: */
	int threads;		/* alive */
	struct task *parent;	/* the process */
	struct pids *pgrp, *session;
	bool waits;		/* a dying init, for the last in its namespace */
};

/* The ends of a call that is to make a child */
enum why {
	SUCCESS,
	SET_UNREADABLE, TOO_MANY, MAY_NOT_CALL, BAD_FLAGS, NEWPID_DENIED,
	TOO_DEEP, NO_PRIVILEGE, OUT_OF_RANGE, NOT_FIRST, BUSY,
	/* All of these come before any pid is taken. */
	NO_DESCRIPTOR, PIDFD_UNWRITABLE, TOO_MANY_TASKS,
	INIT_GONE, NO_FREE_PID,
	NR_WHY,
};

static const struct {
	int err;
	const char *text;
} ends[NR_WHY] = {
	[SUCCESS]	   = { 0, "a child" },
	[SET_UNREADABLE]   = { -EFAULT, "EFAULT: set cannot be read" },
	[TOO_MANY]	   = { -EINVAL, "EINVAL: more pids than namespaces" },
	[MAY_NOT_CALL]	   = { -EPERM, "EPERM: no privilege to call" },
	[BAD_FLAGS]	   = { -EINVAL, "EINVAL: flags that clone() refuses" },
	[NEWPID_DENIED]	   = { -EPERM, "EPERM: for CLONE_NEWPID" },
	[TOO_DEEP]	   = { -ENOSPC, "ENOSPC: more than 33 namespaces" },
	[NO_PRIVILEGE]	   = { -EPERM, "EPERM: no privilege to choose in an older namespace" },
	[OUT_OF_RANGE]	   = { -EINVAL, "EINVAL: pid out of range" },
	[NOT_FIRST]	   = { -EINVAL, "EINVAL: first process is pid 1" },
	[BUSY]		   = { -EBUSY, "EBUSY: pid in use" },
	[NO_DESCRIPTOR]	   = { -EMFILE, "EMFILE: no descriptor for the pidfd" },
	[PIDFD_UNWRITABLE] = { -EFAULT, "EFAULT: pidfd has nowhere to go" },
	[TOO_MANY_TASKS]   = { -EAGAIN, "EAGAIN: pids.max" },
	[INIT_GONE]	   = { -ENOMEM, "ENOMEM: init is gone" },
	[NO_FREE_PID]	   = { -EAGAIN, "EAGAIN: no free pid" },
};

/*
 * What else is to be met. Without the rule for it, the kernel crashes after
 * ANCESTOR_GONE; and after a first fork that fails and leaves a trace, when
 * another than the maker of the namespace forks into it.
 */
enum rarity {
	DEEPEST, HELD_BY_GROUP, CURSOR_TURNS,
	DEAD_ENTERED, ANCESTOR_DEAD, ANCESTOR_GONE,
	FIRST_FAILED, OTHER_FAILED, OTHERS_INIT, OTHER_NOT_FIRST,
	NR_RARITIES,
};

static const char *const rarities[NR_RARITIES] = {
	[DEEPEST]	= "a child in 33 namespaces",
	[HELD_BY_GROUP]	= "EBUSY: pid of a process group or session whose leader is gone",
	[CURSOR_TURNS]	= "no pid free up to pid_max, the first free one taken",
	[DEAD_ENTERED]	= "a dead namespace entered by a descriptor for it",
	[ANCESTOR_DEAD]	= "dead ancestor: ENOMEM below a dead namespace for who entered",
	[ANCESTOR_GONE]	= "dead ancestor: the same, when its init has been reaped",
	[FIRST_FAILED]	= "without init: first fork into a namespace fails late",
	[OTHER_FAILED]	= "without init: and another's, who entered, fails late again",
	[OTHERS_INIT]	= "without init: then, init is the child of one who entered",
	[OTHER_NOT_FIRST] = "without init: then, EINVAL for one who entered and wants more than 1",
};

/* All that comes of one process, task 0, in a pid namespace of level 1 */
static struct {
	int pid_max;
	struct ns ns[MAX_NS];		/* the first is that of level 0 */
	int userns_parent[MAX_USERNS];	/* number 0 is its own */
	int nr_userns;
	struct task task[MAX_TASKS];
	struct task *here[MAX_HERE];
	int nr_here;
	/* Who is gone, and who has died, since these were last set to 0. */
	struct task *gone[MAX_HERE], *died[2 * MAX_HERE];
	int nr_gone, nr_died;
} world;

static unsigned long seen[NR_RARITIES];

/* Has another than a task of the world this pid at level 0? Ask the kernel. */
static bool used_outside(int nr);

/* Pid namespaces, and pids in use */

static bool is_used(const struct ns *ns, int nr)
{
	return (ns->used[nr / 8] & (1 << nr % 8)) ||
	       (!ns->level && used_outside(nr));
}

static void set_used(struct ns *ns, int nr, bool used)
{
	if (used)
		ns->used[nr / 8] |= 1 << nr % 8;
	else
		ns->used[nr / 8] &= ~(1 << nr % 8);
}

static struct ns *get_ns(struct ns *ns)
{
	ns->refs++;
	return ns;
}

static void put_ns(struct ns *ns)
{
	while (ns && !--ns->refs) {
		if (ns->fd >= 0)
			close(ns->fd);
		if (ns->pid_max_fd >= 0)
			close(ns->pid_max_fd);
		ns->state = NS_NONE;
		ns = ns->parent;
	}
}

static struct ns *unused_ns(void)
{
	struct ns *ns;

	for (ns = world.ns; ns < world.ns + MAX_NS; ns++)
		if (ns->state == NS_NONE)
			return ns;
	return NULL;
}

static struct ns *new_ns(struct ns *parent, int owner)
{
	struct ns *ns = unused_ns();

	memset(ns, 0, sizeof(*ns));
	ns->state = NS_EMPTY;
	ns->refs = 1;
	ns->owner = owner;
	ns->fd = -1;
	ns->pid_max_fd = -1;
	if (parent) {
		ns->parent = get_ns(parent);
		ns->level = parent->level + 1;
	}
	return ns;
}

/* The one of @ns and those above it that is at @level */
static struct ns *ns_at(struct ns *ns, int level)
{
	while (ns->level > level)
		ns = ns->parent;
	return ns;
}

static bool is_below(struct ns *ns, struct ns *above)
{
	return ns->level >= above->level && ns_at(ns, above->level) == above;
}

/* Nobody is born in a dead namespace, or below. */
static struct ns *dead_one(struct ns *ns)
{
	while (ns && ns->state != NS_DEAD)
		ns = ns->parent;
	return ns;
}

/* A free pid from the cursor on, or from the first that may be picked; or 0. */
static int next_free(const struct ns *ns)
{
	/* At level 0 the cursor is known to be beyond the reserved ones. */
	int first = !ns->level || ns->cursor > RESERVED ? RESERVED : 1;
	int nr;

	for (nr = ns->cursor < first ? first : ns->cursor; nr < world.pid_max; nr++)
		if (!is_used(ns, nr))
			return nr;
	for (nr = first; nr < ns->cursor && nr < world.pid_max; nr++)
		if (!is_used(ns, nr))
			return nr;
	return 0;
}

static struct pids *get_pids(struct pids *pids)
{
	if (pids)
		pids->users++;
	return pids;
}

static void put_pids(struct pids *pids)
{
	struct ns *ns, *parent;

	if (!pids || --pids->users)
		return;
	for (ns = pids->ns; ns; ns = parent) {
		parent = ns->parent;
		set_used(ns, pids->nr[ns->level], false);
		ns->pids--;
		put_ns(ns);
	}
}

static int own_nr(const struct task *t)
{
	return t->pids.nr[t->pids.ns->level];
}

/* What @by calls @t, which is where @by is or below */
static int nr_seen_by(const struct task *t, const struct task *by)
{
	return t->pids.nr[by->pids.ns->level];
}

static bool is_init(const struct task *t)
{
	return t->pids.ns->init == t->leader;
}

/* Or is it but a process group or session? At level 0, nobody knows. */
static bool is_task(struct ns *ns, int nr)
{
	int i;

	for (i = 0; i < world.nr_here; i++) {
		struct task *t = world.here[i];

		if (is_below(t->pids.ns, ns) && t->pids.nr[ns->level] == nr)
			return true;
	}
	return !ns->level;
}

/* Privilege */

static int userns_depth(int userns)
{
	int depth = 0;

	for (; userns; userns = world.userns_parent[userns])
		depth++;
	return depth;
}

static bool is_userns_below(int userns, int above)
{
	while (userns && userns != above)
		userns = world.userns_parent[userns];
	return userns == above;
}

/* All are the same user, and who made a user namespace may do all there. */
static bool has_cap(const struct task *t, int userns, enum caps caps)
{
	if (userns == t->userns)
		return t->caps & caps;
	return is_userns_below(userns, t->userns);
}

static void new_userns(struct task *t)
{
	world.userns_parent[world.nr_userns] = t->userns;
	t->userns = world.nr_userns++;
	t->caps = CAPS_ALL;
}

/* Creation */

/* What clone() refuses. It may be found before what is wrong with the pids. */
static enum why clone_refuses(const struct task *t, unsigned int how)
{
	bool elsewhere = t->children != t->pids.ns;

	if ((how & LONE_THREAD) || ((how & PARENT) && is_init(t)))
		return BAD_FLAGS;
	if ((how & THREAD) && (elsewhere || (how & (NEWPID | NEWUSER))))
		return BAD_FLAGS;
	if (!(how & NEWPID))
		return SUCCESS;
	if (!(how & NEWUSER) && !(t->caps & CAPS_ADMIN))
		return NEWPID_DENIED;
	if (elsewhere || !is_userns_below(t->userns, t->children->owner))
		return BAD_FLAGS;
	if (t->children->level + 1 == MAX_LEVELS)
		return TOO_DEEP;
	return SUCCESS;
}

/*
 * @nr: the pids asked for at each level down to the youngest, and 0 where the
 * kernel picks. That of level @ns->level + 1, if any, is that of CLONE_NEWPID,
 * and who may have that one may choose there.
 */
static enum why judge_pids(const struct task *t, struct ns *ns, int levels,
			   const int *nr)
{
	int i;

	for (i = 0; i <= ns->level; i++)
		if (nr[i] && !has_cap(t, ns_at(ns, i)->owner, CAPS_CHOOSE))
			return NO_PRIVILEGE;
	for (i = 0; i < levels; i++)
		if (nr[i] < 0 || nr[i] >= world.pid_max)
			return OUT_OF_RANGE;
	for (i = 0; i < levels; i++)
		if (nr[i] > 1 && (i > ns->level ||
				  ns_at(ns, i)->state == NS_EMPTY))
			return NOT_FIRST;
	/* That of CLONE_NEWPID is free. */
	for (i = 0; i <= ns->level; i++)
		if (nr[i] && is_used(ns_at(ns, i), nr[i])) {
			seen[HELD_BY_GROUP] += !is_task(ns_at(ns, i), nr[i]);
			return BUSY;
		}
	return SUCCESS;
}

/* What comes before the pids are taken, and leaves nothing behind */
static enum why fails_late(unsigned int how)
{
	if (how & NO_FD)
		return NO_DESCRIPTOR;
	if (how & BAD_PIDFD)
		return PIDFD_UNWRITABLE;
	if (how & CGROUP_FULL)
		return TOO_MANY_TASKS;
	return SUCCESS;
}

/* Newer kernels, where each namespace has its own pid_max, ask for it last. */
static bool death_is_found_last;

/* @nr: as above, and found good */
static enum why take_pids(struct ns *ns, const int *nr)
{
	int i;

	if (!death_is_found_last && dead_one(ns))
		return INIT_GONE;
	for (i = 0; i <= ns->level; i++)
		if (!nr[i] && !next_free(ns_at(ns, i)))
			return NO_FREE_PID;
	return dead_one(ns) ? INIT_GONE : SUCCESS;
}

/* The set alone, and who makes the call with it: @nr as above */
static enum why judge_set(const struct op *op, const struct task *t, int *nr)
{
	int set[MAX_ENTRIES], levels = t->children->level + 1, i;
	unsigned int num = op->null ? 0 : op->num;
	enum why why;

	for (i = 0; i < num && i < MAX_ENTRIES; i++)
		set[i] = op->entry[i].nr;

	if (op->what == CLONE3) {
		/* Youngest namespace first, beginning with CLONE_NEWPID's. */
		levels += !!(op->how & NEWPID);
		if (num >= MAX_LEVELS)
			return TOO_MANY;
		if (op->readable < (int)num)
			return SET_UNREADABLE;
		for (i = 0; i < num; i++)
			if (set[i] < 1)
				return OUT_OF_RANGE;
		why = clone_refuses(t, op->how);
		if (why)
			return why;
		if (num > levels)
			return TOO_MANY;
		for (i = 0; i < num; i++)
			nr[levels - 1 - i] = set[i];
		return SUCCESS;
	}

	if (!op->null && op->readable < 0)
		return SET_UNREADABLE;
	if (num > MAX_LEVELS)
		return TOO_MANY;
	if (!op->null && op->readable < (int)num)
		return SET_UNREADABLE;
	if (num > levels)
		return TOO_MANY;
	for (i = 0; i < num; i++)
		nr[levels - num + i] = set[i];
	if (op->what == CALL && !has_cap(t, t->children->owner, CAPS_CHOOSE))
		return MAY_NOT_CALL;
	return clone_refuses(t, op->how);
}

static enum why judge(const struct op *op, const struct task *t, int *nr)
{
	int levels = t->children->level + 1 + !!(op->how & NEWPID);
	enum why why;

	memset(nr, 0, MAX_LEVELS * sizeof(*nr));
	why = judge_set(op, t, nr);
	if (!why)
		why = judge_pids(t, t->children, levels, nr);
	if (!why)
		why = fails_late(op->how);
	if (!why)
		why = take_pids(t->children, nr);
	return why;
}

/* Counts what can crash a kernel that has other rules. */
static void notice(const struct task *t, struct ns *ns, enum why why)
{
	bool is_other = ns->maker != t;
	struct ns *dead;

	if (ns->state != NS_EMPTY)
		return;
	switch (why) {
	case INIT_GONE:
		dead = dead_one(ns);
		seen[ANCESTOR_DEAD] += is_other;
		seen[ANCESTOR_GONE] += is_other && !dead->init;
		break;
	case NO_DESCRIPTOR:
	case PIDFD_UNWRITABLE:
	case TOO_MANY_TASKS:
		if (dead_one(ns))
			break;
		seen[FIRST_FAILED] += !ns->failed;
		seen[OTHER_FAILED] += ns->failed && is_other;
		ns->failed = true;
		break;
	case SUCCESS:
		seen[OTHERS_INIT] += ns->failed && is_other;
		break;
	case NOT_FIRST:
		seen[OTHER_NOT_FIRST] += ns->failed && is_other;
		break;
	default:
	}
}

/* @nr: as for judge_pids(), and they can be had */
static void bear(struct task *t, struct task *child, unsigned int how,
		 const int *nr)
{
	struct ns *ns;

	child->here = true;
	child->alive = true;
	world.here[world.nr_here++] = child;

	child->userns = t->userns;
	child->caps = t->caps;
	if (how & NEWUSER)
		new_userns(child);
	if (how & NEWPID)
		child->children = new_ns(t->children, child->userns);
	else
		child->children = get_ns(t->children);

	child->pids.ns = child->children;
	for (ns = child->pids.ns; ns; ns = ns->parent) {
		int n = nr[ns->level];

		if (!n && ns->level) {
			n = next_free(ns);
			seen[CURSOR_TURNS] += n < ns->cursor;
			ns->cursor = n + 1;
		}
		child->pids.nr[ns->level] = n;
		set_used(get_ns(ns), n, true);
		ns->pids++;
	}
	get_pids(&child->pids);
	seen[DEEPEST] += child->pids.ns->level == MAX_LEVELS - 1;

	if (how & THREAD) {
		child->leader = t->leader;
		child->leader->threads++;
		return;
	}
	child->leader = child;
	child->threads = 1;
	child->parent = how & PARENT ? t->leader->parent : t->leader;
	child->pgrp = get_pids(t->leader->pgrp);
	child->session = get_pids(t->leader->session);
	ns = child->pids.ns;
	if (ns->state == NS_EMPTY) {
		ns->state = NS_LIVE;
		ns->init = child;
	}
}

/* What the kernel has picked at level 0: is it possible? */
static bool learn(struct task *t, int nr)
{
	struct ns *outside = ns_at(t->pids.ns, 0);

	if (t->pids.nr[0])
		return t->pids.nr[0] == nr;
	if (nr < RESERVED || nr >= world.pid_max ||
	    (outside->used[nr / 8] & (1 << nr % 8)))
		return false;
	t->pids.nr[0] = nr;
	set_used(outside, nr, true);
	return true;
}

/* The end */

static void remove_task(struct task *t)
{
	int i;

	for (i = 0; world.here[i] != t; i++)
		;
	world.here[i] = world.here[--world.nr_here];
	world.gone[world.nr_gone++] = t;
	t->here = false;
	put_pids(&t->pids);
}

static void end_task(struct task *t)
{
	t->alive = false;
	t->leader->threads--;
	put_ns(t->children);
	t->children = NULL;
	put_ns(t->opened);
	t->opened = NULL;
	if (t->leader == t)
		world.died[world.nr_died++] = t;
	else
		remove_task(t);
}

/* All threads; the children go to the namespace's init. */
static void end_process(struct task *p)
{
	struct task *heir = p->pids.ns->init, *t;
	int i;

	for (i = world.nr_here - 1; i >= 0; i--) {
		t = world.here[i];
		if (t->leader == p && t->alive)
			end_task(t);
		else if (t->leader == t && t->parent == p)
			t->parent = heir;
	}
}

static void reap(struct task *p)
{
	put_pids(p->pgrp);
	put_pids(p->session);
	if (is_init(p))
		p->pids.ns->init = NULL;
	remove_task(p);
}

/*
 * A dying init reaps its children, and is gone itself, for its parent to see,
 * only when no pid but its own is left in its namespace.
 */
static void settle(void)
{
	struct task *p;
	int i;

again:
	for (i = 0; i < world.nr_here; i++) {
		p = world.here[i];
		if (p->leader != p || p->threads)
			continue;
		if (is_init(p) && p->pids.ns->pids > 1) {
			p->waits = true;
			continue;
		}
		if (p->waits) {
			p->waits = false;
			world.died[world.nr_died++] = p;
		}
		if (!p->parent->threads) {
			reap(p);
			goto again;
		}
	}
}

static void exit_process(struct task *p)
{
	struct ns *ns = p->pids.ns, *n;
	int i;

	if (is_init(p)) {
		/* One below that is empty remains so, and can have no init. */
		for (n = world.ns; n < world.ns + MAX_NS; n++)
			if (n->state == NS_LIVE && is_below(n, ns))
				n->state = NS_DEAD;
again:
		for (i = 0; i < world.nr_here; i++) {
			struct task *t = world.here[i];

			if (t->leader->threads && t->leader != p &&
			    is_below(t->pids.ns, ns)) {
				end_process(t->leader);
				goto again;
			}
		}
	}
	end_process(p);
	settle();
}

/* A child that exits at once, now that all its pids are known. */
static void bury(const struct op *op)
{
	struct task *child = &world.task[op->other];

	if (op->how & (ZOMBIE | REAPED)) {
		if (op->how & THREAD)
			end_task(child);
		else
			exit_process(child);
	}
	if ((op->how & REAPED) && !(op->how & THREAD))
		reap(child);
}

/* One step */

/* What @op, SETNS or OPEN, is about: NULL if there is none. */
static struct ns *ns_of(const struct op *op)
{
	const struct task *o = &world.task[op->other];

	if (op->how & OPENED)
		return o->opened;
	if (op->how & CHILDREN)
		return o->children;
	return o->here && o->pids.ns->fd >= 0 ? o->pids.ns : NULL;
}

static bool makes_child(const struct op *op)
{
	return op->what <= FORK;
}

/* Does the operation make sense, after those before it? */
static bool applies(const struct op *op)
{
	const struct task *t = &world.task[op->who];
	const struct task *o = &world.task[op->other];

	if (op->what >= PID_MAX_IS)
		return true;
	if (!t->alive)
		return false;

	switch (op->what) {
	case CALL:
	case CLONE3:
	case FORK:
		if (o->pids.ns || world.nr_here == MAX_HERE || !unused_ns())
			return false;
		if ((op->how & THREAD) && (op->how & LONE_THREAD))
			return false;
		/* Which thread of a dying init is the one that waits? */
		if ((op->how & THREAD) && is_init(t) && t->leader != world.task)
			return false;
		/* A sibling is not the caller's to wait for. */
		if ((op->how & PARENT) && (op->how & (ZOMBIE | REAPED)))
			return false;
		/* Only who has all privilege can map the users of the new one. */
		return !(op->how & NEWUSER) ||
		       (t->caps == CAPS_ALL && world.nr_userns < MAX_USERNS &&
			userns_depth(t->userns) < USERNS_DEPTH);
	case EXIT:
		return t->leader != world.task;
	case LEAVE:
		return t != t->leader || (t->threads > 1 && !is_init(t));
	case REAP:
		return o->here && o->leader == o && !o->threads && !o->waits &&
		       o->parent == t->leader;
	case UNSHARE:
		if (op->how & NEWPID)
			return unused_ns();
		return t->caps == CAPS_ALL && world.nr_userns < MAX_USERNS &&
		       userns_depth(t->userns) < USERNS_DEPTH;
	case SETNS:
	case OPEN:
		return ns_of(op);
	default:
		return true;
	}
}

/* Puts pids for the tasks in a set that applies(). */
static bool resolve(struct op *op)
{
	int levels, i, level;
	struct task *o;

	if (!makes_child(op) || op->null)
		return true;
	levels = world.task[op->who].children->level + 1;
	for (i = 0; i < op->num && i < MAX_ENTRIES; i++) {
		if (!op->entry[i].is_task)
			continue;
		o = &world.task[op->entry[i].nr];
		if (op->what == CLONE3)
			level = levels + !!(op->how & NEWPID) - 1 - i;
		else
			level = levels - (int)op->num + i;
		if (level < 0 || !o->pids.users || o->pids.ns->level < level)
			return false;
		op->entry[i] = (struct entry){ .nr = o->pids.nr[level] };
	}
	return true;
}

static int own_group(struct task *p, bool session)
{
	int i;

	if (session) {
		for (i = 0; i < world.nr_here; i++)
			if (world.here[i]->pgrp == &p->pids)
				return -EPERM;
	} else if (p->session == &p->pids) {
		return -EPERM;
	}
	get_pids(&p->pids);
	put_pids(p->pgrp);
	p->pgrp = &p->pids;
	if (!session)
		return 0;
	get_pids(&p->pids);
	put_pids(p->session);
	p->session = &p->pids;
	return own_nr(p);
}

static int unshare_ns(struct task *t, unsigned int how)
{
	enum why why;

	if (how & NEWUSER) {
		if (t->leader != t || t->threads > 1)
			return -EINVAL;
		new_userns(t);
		return 0;
	}
	why = clone_refuses(t, NEWPID);
	if (why)
		return ends[why].err;
	put_ns(t->children);
	t->children = new_ns(t->pids.ns, t->userns);
	t->children->maker = t;
	return 0;
}

static int set_ns(struct task *t, struct ns *ns, bool by_descriptor)
{
	if (!(t->caps & CAPS_ADMIN) || !has_cap(t, ns->owner, CAPS_ADMIN))
		return -EPERM;
	if (!is_below(ns, t->pids.ns))
		return -EINVAL;
	seen[DEAD_ENTERED] += by_descriptor && dead_one(ns);
	get_ns(ns);
	put_ns(t->children);
	t->children = ns;
	return 0;
}

static int open_ns_of(struct task *t, struct ns *ns)
{
	get_ns(ns);
	put_ns(t->opened);
	t->opened = ns;
	return 0;
}

static int set_last_pid(struct task *t, int nr)
{
	if (!has_cap(t, t->pids.ns->owner, CAPS_CHOOSE))
		return -EPERM;
	if (nr < 0 || nr > world.pid_max)
		return -EINVAL;
	t->pids.ns->cursor = nr + 1;
	return 0;
}

/*
 * The system call's result, and for one that makes a child its end in @why. The
 * child's pid at level 0 is to be learnt before it may have to exit: bury().
 */
static int step(const struct op *op, enum why *why)
{
	struct task *t = &world.task[op->who], *o = &world.task[op->other];
	int nr[MAX_LEVELS], rc;

	switch (op->what) {
	case CALL:
	case CLONE3:
	case FORK:
		*why = judge(op, t, nr);
		notice(t, t->children, *why);
		if (*why == BUSY && op->what == CLONE3)
			return -EEXIST;
		if (*why)
			return ends[*why].err;
		bear(t, o, op->how, nr);
		return nr_seen_by(o, t);
	case EXIT:
		exit_process(t->leader);
		return 0;
	case LEAVE:
		end_task(t);
		if (!t->leader->threads)
			exit_process(t->leader);
		return 0;
	case REAP:
		rc = nr_seen_by(o, t);
		reap(o);
		settle();
		return rc;
	case UNSHARE:
		return unshare_ns(t, op->how);
	case SETNS:
		return set_ns(t, ns_of(op), op->how & OPENED);
	case OPEN:
		return open_ns_of(t, ns_of(op));
	case CAPS:
		t->caps = op->value;
		return 0;
	case SETSID:
		return own_group(t->leader, true);
	case SETPGID:
		return own_group(t->leader, false);
	case LAST_PID:
		return set_last_pid(t, op->value);
	case PID_MAX_IS:
		world.pid_max = op->value;
		return 0;
	case CHECK:
		return 0;
	}
	return 0;
}

/* A world with one task. */
static void begin_world(int pid_max)
{
	static const int nr[MAX_LEVELS];
	struct task *first = world.task;
	struct task outside = { .caps = CAPS_ALL };

	memset(&world, 0, sizeof(world));
	world.pid_max = pid_max;
	world.nr_userns = 1;
	outside.children = new_ns(NULL, 0);
	outside.children->state = NS_LIVE;
	outside.pids.ns = outside.children;
	outside.leader = &outside;
	bear(&outside, first, NEWPID, nr);
	first->parent = NULL;
}

#endif /* SELFTEST_FUZZ_MODEL_H */
