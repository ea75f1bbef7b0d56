// SPDX-License-Identifier: GPL-2.0
/* The rules of the model: see fuzz_model.h. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "fuzz_model.h"

const struct outcome_info outcomes[NR_OUTCOMES] = {
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

const char *const corner_names[NR_CORNERS] = {
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

struct model model;
unsigned long corners[NR_CORNERS];
bool death_is_found_last;

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

	for (ns = model.ns; ns < model.ns + MAX_NS; ns++)
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

/* The ancestor of @ns at @level, or @ns itself */
struct ns *ns_at(struct ns *ns, int level)
{
	while (ns->level > level)
		ns = ns->parent;
	return ns;
}

bool is_below(struct ns *ns, struct ns *above)
{
	return ns->level >= above->level && ns_at(ns, above->level) == above;
}

/* The youngest of @ns and its ancestors that is dead, or NULL */
struct ns *dead_ns(struct ns *ns)
{
	while (ns && ns->state != NS_DEAD)
		ns = ns->parent;
	return ns;
}

/* The pid that the kernel will pick, or 0 if none is free */
static int next_free(const struct ns *ns)
{
	/* The cursor of level 0 is past the reserved ones: see pass_reserved_pids(). */
	int first = !ns->level || ns->cursor > RESERVED ? RESERVED : 1;
	int nr;

	for (nr = ns->cursor < first ? first : ns->cursor; nr < model.pid_max; nr++)
		if (!is_used(ns, nr))
			return nr;
	for (nr = first; nr < ns->cursor && nr < model.pid_max; nr++)
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

/* The pid of @t in the namespace of @by, which is the same or an ancestor */
static int nr_seen_by(const struct task *t, const struct task *by)
{
	return t->pids.nr[by->pids.ns->level];
}

bool is_init(const struct task *t)
{
	return t->pids.ns->init == t->leader;
}

/* Is @nr the pid of a task, not only of a group or session? True at level 0. */
static bool is_task(struct ns *ns, int nr)
{
	int i;

	for (i = 0; i < model.nr_present; i++) {
		struct task *t = model.present[i];

		if (is_below(t->pids.ns, ns) && t->pids.nr[ns->level] == nr)
			return true;
	}
	return !ns->level;
}

/* Privilege */

static int userns_depth(int userns)
{
	int depth = 0;

	for (; userns; userns = model.userns_parent[userns])
		depth++;
	return depth;
}

static bool is_userns_below(int userns, int above)
{
	while (userns && userns != above)
		userns = model.userns_parent[userns];
	return userns == above;
}

/* All tasks are one user, which owns each new user namespace. */
bool has_cap(const struct task *t, int userns, enum caps caps)
{
	if (userns == t->userns)
		return t->caps & caps;
	return is_userns_below(userns, t->userns);
}

static void new_userns(struct task *t)
{
	model.userns_parent[model.nr_userns] = t->userns;
	t->userns = model.nr_userns++;
	t->caps = CAPS_ALL;
}

/* Creation of tasks */

/* What clone() refuses for its flags, before the pids are judged */
static enum outcome clone_refuses(const struct task *t, unsigned int opts)
{
	bool elsewhere = t->children != t->pids.ns;

	if ((opts & LONE_THREAD) || ((opts & PARENT) && is_init(t)))
		return BAD_FLAGS;
	if ((opts & THREAD) && (elsewhere || (opts & (NEWPID | NEWUSER))))
		return BAD_FLAGS;
	if (!(opts & NEWPID))
		return SUCCESS;
	if (!(opts & NEWUSER) && !(t->caps & CAPS_ADMIN))
		return NEWPID_DENIED;
	if (elsewhere || !is_userns_below(t->userns, t->children->owner))
		return BAD_FLAGS;
	if (t->children->level + 1 == MAX_LEVELS)
		return TOO_DEEP;
	return SUCCESS;
}

/*
 * @nr: the requested pids from level 0 to the youngest; 0: the kernel picks.
 * The one at level @ns->level + 1, if any, is for the namespace that
 * CLONE_NEWPID creates, which needs no further privilege.
 */
static enum outcome judge_pids(const struct task *t, struct ns *ns, int levels,
			       const int *nr)
{
	int i;

	for (i = 0; i <= ns->level; i++)
		if (nr[i] && !has_cap(t, ns_at(ns, i)->owner, CAPS_CHOOSE))
			return NO_PRIVILEGE;
	for (i = 0; i < levels; i++)
		if (nr[i] < 0 || nr[i] >= model.pid_max)
			return OUT_OF_RANGE;
	for (i = 0; i < levels; i++)
		if (nr[i] > 1 && (i > ns->level ||
				  ns_at(ns, i)->state == NS_EMPTY))
			return NOT_FIRST;
	/* A new namespace has no pid in use. */
	for (i = 0; i <= ns->level; i++)
		if (nr[i] && is_used(ns_at(ns, i), nr[i])) {
			corners[HELD_BY_GROUP] += !is_task(ns_at(ns, i), nr[i]);
			return BUSY;
		}
	return SUCCESS;
}

/* Failures after the set was judged and before a pid is taken */
static enum outcome fails_late(unsigned int opts)
{
	if (opts & NO_FD)
		return NO_DESCRIPTOR;
	if (opts & BAD_PIDFD)
		return PIDFD_UNWRITABLE;
	if (opts & CGROUP_FULL)
		return TOO_MANY_TASKS;
	return SUCCESS;
}

/* @nr: as above, and judged */
static enum outcome take_pids(struct ns *ns, const int *nr)
{
	int i;

	if (!death_is_found_last && dead_ns(ns))
		return INIT_GONE;
	for (i = 0; i <= ns->level; i++)
		if (!nr[i] && !next_free(ns_at(ns, i)))
			return NO_FREE_PID;
	return dead_ns(ns) ? INIT_GONE : SUCCESS;
}

/* Judges the set itself and the privilege to call. Fills @nr, as above. */
static enum outcome judge_set(const struct op *op, const struct task *t, int *nr)
{
	int set[MAX_ENTRIES], levels = t->children->level + 1, i;
	unsigned int num = op->null ? 0 : op->num;
	enum outcome outcome;

	for (i = 0; i < num && i < MAX_ENTRIES; i++)
		set[i] = op->entry[i].nr;

	if (op->type == CLONE3) {
		/* Youngest namespace first, beginning with CLONE_NEWPID's. */
		levels += !!(op->opts & NEWPID);
		if (num >= MAX_LEVELS)
			return TOO_MANY;
		if (op->readable < (int)num)
			return SET_UNREADABLE;
		for (i = 0; i < num; i++)
			if (set[i] < 1)
				return OUT_OF_RANGE;
		outcome = clone_refuses(t, op->opts);
		if (outcome)
			return outcome;
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
	if (op->type == CALL && !has_cap(t, t->children->owner, CAPS_CHOOSE))
		return MAY_NOT_CALL;
	return clone_refuses(t, op->opts);
}

static enum outcome judge(const struct op *op, const struct task *t, int *nr)
{
	int levels = t->children->level + 1 + !!(op->opts & NEWPID);
	enum outcome outcome;

	memset(nr, 0, MAX_LEVELS * sizeof(*nr));
	outcome = judge_set(op, t, nr);
	if (!outcome)
		outcome = judge_pids(t, t->children, levels, nr);
	if (!outcome)
		outcome = fails_late(op->opts);
	if (!outcome)
		outcome = take_pids(t->children, nr);
	return outcome;
}

/* Counts cases in which a kernel with other rules may crash. */
static void count_corners(const struct task *t, struct ns *ns, enum outcome outcome)
{
	bool is_other = ns->maker != t;
	struct ns *dead;

	if (ns->state != NS_EMPTY)
		return;
	switch (outcome) {
	case INIT_GONE:
		dead = dead_ns(ns);
		corners[ANCESTOR_DEAD] += is_other;
		corners[ANCESTOR_GONE] += is_other && !dead->init;
		break;
	case NO_DESCRIPTOR:
	case PIDFD_UNWRITABLE:
	case TOO_MANY_TASKS:
		if (dead_ns(ns))
			break;
		corners[FIRST_FAILED] += !ns->failed;
		corners[OTHER_FAILED] += ns->failed && is_other;
		ns->failed = true;
		break;
	case SUCCESS:
		corners[OTHERS_INIT] += ns->failed && is_other;
		break;
	case NOT_FIRST:
		corners[OTHER_NOT_FIRST] += ns->failed && is_other;
		break;
	default:
	}
}

/* @nr: as for judge_pids(), and free */
static void create_task(struct task *t, struct task *child, unsigned int opts,
			const int *nr)
{
	struct ns *ns;

	child->present = true;
	child->alive = true;
	model.present[model.nr_present++] = child;

	child->userns = t->userns;
	child->caps = t->caps;
	if (opts & NEWUSER)
		new_userns(child);
	if (opts & NEWPID)
		child->children = new_ns(t->children, child->userns);
	else
		child->children = get_ns(t->children);

	child->pids.ns = child->children;
	for (ns = child->pids.ns; ns; ns = ns->parent) {
		int n = nr[ns->level];

		if (!n && ns->level) {
			n = next_free(ns);
			corners[CURSOR_TURNS] += n < ns->cursor;
			ns->cursor = n + 1;
		}
		child->pids.nr[ns->level] = n;
		set_used(get_ns(ns), n, true);
		ns->pids++;
	}
	get_pids(&child->pids);
	corners[DEEPEST] += child->pids.ns->level == MAX_LEVELS - 1;

	if (opts & THREAD) {
		child->leader = t->leader;
		child->leader->threads++;
		return;
	}
	child->leader = child;
	child->threads = 1;
	child->parent = opts & PARENT ? t->leader->parent : t->leader;
	child->pgrp = get_pids(t->leader->pgrp);
	child->session = get_pids(t->leader->session);
	ns = child->pids.ns;
	if (ns->state == NS_EMPTY) {
		ns->state = NS_LIVE;
		ns->init = child;
	}
}

/* Takes the pid that the kernel has picked at level 0. False if it cannot be. */
bool learn_pid(struct task *t, int nr)
{
	struct ns *outside = ns_at(t->pids.ns, 0);

	if (t->pids.nr[0])
		return t->pids.nr[0] == nr;
	if (nr < RESERVED || nr >= model.pid_max ||
	    (outside->used[nr / 8] & (1 << nr % 8)))
		return false;
	t->pids.nr[0] = nr;
	set_used(outside, nr, true);
	return true;
}

/* Exit */

static void remove_task(struct task *t)
{
	int i;

	for (i = 0; model.present[i] != t; i++)
		;
	model.present[i] = model.present[--model.nr_present];
	model.gone[model.nr_gone++] = t;
	t->present = false;
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
		model.died[model.nr_died++] = t;
	else
		remove_task(t);
}

/* Ends all threads. The namespace's init becomes the children's parent. */
static void end_process(struct task *p)
{
	struct task *heir = p->pids.ns->init, *t;
	int i;

	for (i = model.nr_present - 1; i >= 0; i--) {
		t = model.present[i];
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
 * An exiting init reaps its children. It becomes a zombie when no pid but its
 * own is left in its namespace.
 */
static void settle(void)
{
	struct task *p;
	int i;

again:
	for (i = 0; i < model.nr_present; i++) {
		p = model.present[i];
		if (p->leader != p || p->threads)
			continue;
		if (is_init(p) && p->pids.ns->pids > 1) {
			p->waits = true;
			continue;
		}
		if (p->waits) {
			p->waits = false;
			model.died[model.nr_died++] = p;
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
		/* A namespace below that is empty stays so. */
		for (n = model.ns; n < model.ns + MAX_NS; n++)
			if (n->state == NS_LIVE && is_below(n, ns))
				n->state = NS_DEAD;
again:
		for (i = 0; i < model.nr_present; i++) {
			struct task *t = model.present[i];

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

/* Exit of a child that exits at once, after learn_pid(). */
void exit_child(const struct op *op)
{
	struct task *child = &model.task[op->target];

	if (op->opts & (ZOMBIE | REAPED)) {
		if (op->opts & THREAD)
			end_task(child);
		else
			exit_process(child);
	}
	if ((op->opts & REAPED) && !(op->opts & THREAD))
		reap(child);
}

/* Operations */

/* The namespace that @op, SETNS or OPEN, is about, or NULL */
struct ns *op_ns(const struct op *op)
{
	const struct task *o = &model.task[op->target];

	if (op->opts & OPENED)
		return o->opened;
	if (op->opts & CHILDREN)
		return o->children;
	return o->present && o->pids.ns->fd >= 0 ? o->pids.ns : NULL;
}

/* Can @op be performed in the current state? */
bool applies(const struct op *op)
{
	const struct task *t = &model.task[op->task];
	const struct task *o = &model.task[op->target];

	if (op->type >= PID_MAX_IS)
		return true;
	if (!t->alive)
		return false;

	switch (op->type) {
	case CALL:
	case CLONE3:
	case FORK:
		if (o->pids.ns || model.nr_present == MAX_PRESENT || !unused_ns())
			return false;
		if ((op->opts & THREAD) && (op->opts & LONE_THREAD))
			return false;
		/* It is open which thread of an exiting init waits. */
		if ((op->opts & THREAD) && is_init(t) && t->leader != model.task)
			return false;
		/* The caller cannot wait for a sibling. */
		if ((op->opts & PARENT) && (op->opts & (ZOMBIE | REAPED)))
			return false;
		/* Writing the uid_map needs all capabilities. */
		return !(op->opts & NEWUSER) ||
		       (t->caps == CAPS_ALL && model.nr_userns < MAX_USERNS &&
			userns_depth(t->userns) < USERNS_DEPTH);
	case EXIT:
		return t->leader != model.task;
	case LEAVE:
		return t != t->leader || (t->threads > 1 && !is_init(t));
	case REAP:
		return o->present && o->leader == o && !o->threads && !o->waits &&
		       o->parent == t->leader;
	case UNSHARE:
		if (op->opts & NEWPID)
			return unused_ns();
		return t->caps == CAPS_ALL && model.nr_userns < MAX_USERNS &&
		       userns_depth(t->userns) < USERNS_DEPTH;
	case SETNS:
	case OPEN:
		return op_ns(op);
	default:
		return true;
	}
}

/* Replaces tasks in the set by their pids. False if one has none there. */
bool resolve(struct op *op)
{
	int levels, i, level;
	struct task *o;

	if (!makes_child(op) || op->null)
		return true;
	levels = model.task[op->task].children->level + 1;
	for (i = 0; i < op->num && i < MAX_ENTRIES; i++) {
		if (!op->entry[i].is_task)
			continue;
		o = &model.task[op->entry[i].nr];
		if (op->type == CLONE3)
			level = levels + !!(op->opts & NEWPID) - 1 - i;
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
		for (i = 0; i < model.nr_present; i++)
			if (model.present[i]->pgrp == &p->pids)
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

static int unshare_ns(struct task *t, unsigned int opts)
{
	enum outcome outcome;

	if (opts & NEWUSER) {
		if (t->leader != t || t->threads > 1)
			return -EINVAL;
		new_userns(t);
		return 0;
	}
	outcome = clone_refuses(t, NEWPID);
	if (outcome)
		return outcomes[outcome].err;
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
	corners[DEAD_ENTERED] += by_descriptor && dead_ns(ns);
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
	if (nr < 0 || nr > model.pid_max)
		return -EINVAL;
	t->pids.ns->cursor = nr + 1;
	return 0;
}

/*
 * Returns the result of the system call; if that is to create a child, @outcome
 * is set, too. The caller tells the child's pid at level 0 by learn_pid(), and
 * then, if the child exits at once, calls exit_child().
 */
int model_step(const struct op *op, enum outcome *outcome)
{
	struct task *t = &model.task[op->task], *o = &model.task[op->target];
	int nr[MAX_LEVELS], rc;

	switch (op->type) {
	case CALL:
	case CLONE3:
	case FORK:
		*outcome = judge(op, t, nr);
		count_corners(t, t->children, *outcome);
		if (*outcome == BUSY && op->type == CLONE3)
			return -EEXIST;
		if (*outcome)
			return outcomes[*outcome].err;
		create_task(t, o, op->opts, nr);
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
		return unshare_ns(t, op->opts);
	case SETNS:
		return set_ns(t, op_ns(op), op->opts & OPENED);
	case OPEN:
		return open_ns_of(t, op_ns(op));
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
		model.pid_max = op->value;
		return 0;
	case CHECK:
		return 0;
	}
	return 0;
}

/* Level 0, and task 0 in a new namespace of level 1 */
void init_model(int pid_max)
{
	static const int nr[MAX_LEVELS];
	struct task *first = model.task;
	struct task outside = { .caps = CAPS_ALL };

	memset(&model, 0, sizeof(model));
	model.pid_max = pid_max;
	model.nr_userns = 1;
	outside.children = new_ns(NULL, 0);
	outside.children->state = NS_LIVE;
	outside.pids.ns = outside.children;
	outside.leader = &outside;
	create_task(&outside, first, NEWPID, nr);
	first->parent = NULL;
}
