// SPDX-License-Identifier: GPL-2.0
/* The generator of operations: see fuzz_generate.h. */
#include <limits.h>
#include <string.h>

#include "../kselftest.h"
#include "fuzz_drive.h"
#include "fuzz_generate.h"

#define POOL		20000	/* requested pids of level 0 start here */

static __u64 random_state;

static unsigned int rnd(unsigned int below)
{
	__u64 z = random_state += 0x9e3779b97f4a7c15;	/* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return ((z ^ (z >> 31)) >> 32) % below;
}

static bool chance(int percent)
{
	return rnd(100) < percent;
}

/* Some rounds go down to level 32; some have a low pid_max. */
static struct {
	bool deep, scarce;
	int next_task, burst, last;
	int recent[8];		/* pids requested lately */
	int leaders[4];		/* tasks with groups or sessions of their own */
} plan;

static int nr_alive(void)
{
	int i, nr = 0;

	for (i = 0; i < model.nr_present; i++)
		nr += model.present[i]->alive;
	return nr;
}

static struct task *random_task(void)
{
	return model.present[rnd(model.nr_present)];
}

static struct task *random_live_task(void)
{
	struct task *t;

	do
		t = random_task();
	while (!t->alive);
	return t;
}

static struct task *deepest_task(void)
{
	struct task *t, *found = model.task;
	int i;

	for (i = 0; i < model.nr_present; i++) {
		t = model.present[i];
		if (t->alive && t->pids.ns->level > found->pids.ns->level)
			found = t;
	}
	return found;
}

static struct entry random_free_pid(struct ns *ns)
{
	int nr;

	if (!ns->level)
		return (struct entry){ .nr = chance(75) ? POOL + rnd(24) :
							  RESERVED - 1 - rnd(8) };
	switch (plan.scarce && chance(40) ? 2 : rnd(8)) {
	case 0:
	case 1:
		nr = ns->cursor + rnd(3);
		break;
	case 2:
	case 3:
		nr = RESERVED - 2 + rnd(6);
		break;
	case 4:
		nr = model.pid_max - 1 - rnd(3);
		break;
	case 5:
		nr = 2 + rnd(12);
		break;
	case 6:
		nr = plan.recent[rnd(ARRAY_SIZE(plan.recent))];
		break;
	default:
		nr = 1000 + rnd(24);
	}
	plan.recent[rnd(ARRAY_SIZE(plan.recent))] = nr;
	return (struct entry){ .nr = nr };
}

/* The pid of a task in @ns, or of one whose group or session still holds it */
static struct entry random_busy_pid(struct ns *ns)
{
	struct task *t;
	int tries;

	for (tries = 0; tries < 20; tries++) {
		t = chance(70) ? random_task() :
				 &model.task[plan.leaders[rnd(ARRAY_SIZE(plan.leaders))]];
		if (t->pids.users && is_below(t->pids.ns, ns))
			return (struct entry){ .is_task = true, .nr = task_id(t) };
	}
	return (struct entry){ .nr = 1 };
}

static struct entry random_bad_pid(void)
{
	const int bad[] = {
		-1, -2, INT_MIN, INT_MAX, -1000 - (int)rnd(24),
		model.pid_max, model.pid_max + 1, PID_LIMIT,
	};

	return (struct entry){ .nr = bad[rnd(ARRAY_SIZE(bad))] };
}

static bool may_call(const struct task *t)
{
	return has_cap(t, t->children->owner, CAPS_CHOOSE);
}

static struct entry random_entry(struct task *t, struct ns *ns, int sparse)
{
	bool choose = has_cap(t, ns->owner, CAPS_CHOOSE);

	if (rnd(100) < sparse || (!choose && chance(may_call(t) ? 60 : 85)))
		return (struct entry){};
	if (ns->state == NS_EMPTY && chance(65))
		return (struct entry){ .nr = 1 };
	return random_free_pid(ns);
}

static void random_set(struct op *op)
{
	struct task *t = &model.task[op->task];
	bool is_clone3 = op->type == CLONE3;
	int levels = t->children->level + 1, level, i, theme = rnd(100);
	int sparse = is_clone3 ? 5 : levels > 8 ? 100 - 300 / levels : 35;
	struct entry *e, entry[MAX_ENTRIES] = {};

	op->null = !is_clone3 && chance(4);
	op->num = chance(3) ? 0 : chance(55) ? levels : rnd(levels) + 1;
	for (i = 0; i < op->num; i++) {
		struct ns *ns = ns_at(t->children, levels - op->num + i);

		entry[i] = random_entry(t, ns, sparse);
		if (theme < 15 && chance(levels > 8 ? 5 : 20))
			entry[i] = chance(70) ? random_busy_pid(ns) : random_bad_pid();
	}
	if (op->num && theme >= 15 && theme < 60) {
		i = rnd(op->num);
		level = levels - op->num + i;
		entry[i] = theme < 50 ? random_busy_pid(ns_at(t->children, level)) :
			   random_bad_pid();
	}
	if (is_clone3 && (op->opts & NEWPID) && op->num < MAX_LEVELS)
		entry[op->num++].nr = chance(80) ? 1 : rnd(4);
	op->readable = op->num;
	for (i = 0; i < op->num; i++)
		op->entry[is_clone3 ? op->num - 1 - i : i] = entry[i];

	if (theme >= 60 && theme < 65 && op->num) {
		op->readable = rnd(op->num + 1) - 1;
	} else if (theme >= 65 && theme < 70) {
		op->num = levels + !!(op->opts & NEWPID) * is_clone3 + 1 + rnd(3);
		if (chance(30))
			op->num = rnd(2) ? UINT_MAX - rnd(2) : MAX_LEVELS + rnd(2);
		for (e = op->entry; e < op->entry + MAX_ENTRIES; e++)
			if (e->is_task)
				*e = (struct entry){ .nr = 1 };
		op->readable = op->num > MAX_ENTRIES ? 0 : op->num;
	}
}

static void random_child(struct task *t, enum op_type type, struct op *op)
{
	static const struct {
		enum opt opt;
		int percent;
	} often[] = {
		{ THREAD, 8 }, { LONE_THREAD, 1 }, { PARENT, 4 }, { NEWPID, 8 },
		{ NEWUSER, 2 }, { PIDFD, 5 }, { BAD_PIDFD, 4 }, { NO_FD, 2 },
		{ CGROUP_FULL, 2 }, { QUIET, 5 }, { WIDE, 5 },
	};
	bool first = t->children->state == NS_EMPTY;
	int i, crowd = nr_alive() - (plan.deep ? MAX_LEVELS : 0);

	op->type = type;
	op->task = task_id(t);
	op->target = plan.next_task;
	for (i = 0; i < ARRAY_SIZE(often); i++)
		if (chance(often[i].percent))
			op->opts |= often[i].opt;
	/* Keep the number of namespaces without an init from dropping to 0. */
	if (first && chance(50))
		op->opts |= chance(50) ? BAD_PIDFD : chance(50) ? NO_FD : CGROUP_FULL;
	if (!have_cgroup)
		op->opts &= ~CGROUP_FULL;
	if (op->opts & LONE_THREAD)
		op->opts &= ~THREAD;
	if (op->opts & BAD_PIDFD)
		op->opts &= ~PIDFD;
	if (type == CLONE3)
		op->opts &= ~WIDE;
	if (plan.deep && t == deepest_task() && t->pids.ns->level < MAX_LEVELS - 1) {
		op->opts = NEWPID;
	} else if (!(op->opts & PARENT) &&
		   !chance(crowd > 20 ? 5 : op->opts & NEWPID ? 60 : 25)) {
		op->opts |= chance(80) ? REAPED : ZOMBIE;
	}
	op->null = true;
	if (type != FORK)
		random_set(op);
}

static bool random_reap(struct op *op)
{
	struct task *z = random_task(), *t;
	int i;

	op->type = REAP;
	op->target = task_id(z);
	for (i = 0; i < model.nr_present; i++) {
		t = model.present[i];
		op->task = task_id(t);
		if (t->alive && t->leader == z->parent)
			return applies(op);
	}
	return false;
}

/*
 * A task whose pid_for_children has no init yet, or NULL. Prefers the deeper
 * ones, which have ancestors that can die.
 */
static struct task *task_at_empty_ns(void)
{
	int i = rnd(model.nr_present), nr = model.nr_present;
	struct task *t, *found = NULL;

	for (; nr--; i = (i + 1) % model.nr_present) {
		t = model.present[i];
		if (!t->alive || t->children->state != NS_EMPTY)
			continue;
		if (!found || t->children->level > 2)
			found = t;
		if (chance(30))
			break;
	}
	return found;
}

/* A task that can enter @ns and survives the death of an ancestor of @ns */
static struct task *task_above(struct ns *ns)
{
	struct task *t = random_live_task();
	int tries;

	for (tries = 0; tries < 20; tries++) {
		if (t->pids.ns->level < ns->level - 1 &&
		    is_below(ns, t->pids.ns) && has_cap(t, ns->owner, CAPS_ADMIN))
			break;
		t = random_live_task();
	}
	return t;
}

/* Has @init exit, or reaps it. False if neither is possible. */
static bool end_init(struct task *init, struct op *op)
{
	if (!init || init == model.task)
		return false;
	op->type = init->threads ? EXIT : REAP;
	op->task = task_id(init->threads ? init : init->parent);
	op->target = task_id(init);
	return true;
}

/*
 * An operation on a namespace without init: another task enters it or opens it,
 * its creator or another task forks into it, or an ancestor dies.
 */
static bool random_op_at_empty_ns(struct task *t, struct op *op)
{
	struct ns *ns = t->children, *dead = dead_ns(ns);

	op->target = task_id(t);
	plan.last = task_id(chance(80) ? task_above(ns) : random_live_task());
	op->task = plan.last;
	plan.burst = 1 + rnd(3);
	switch (rnd(8)) {
	case 0:
	case 1:
	case 2:
		op->type = SETNS;
		op->opts = t->opened && chance(50) ? OPENED : CHILDREN;
		return true;
	case 3:
		op->type = OPEN;
		op->opts = CHILDREN;
		return true;
	case 4:
		if (dead)
			return end_init(dead->init, op);
		if (ns->level < 3 || (plan.deep && chance(80)))
			return false;
		return end_init(ns_at(ns, chance(70) ? ns->level - 1 :
				      2 + rnd(ns->level - 2))->init, op);
	default:
		plan.last = task_id(t);
		random_child(t, chance(60) ? CALL : chance(50) ? CLONE3 : FORK, op);
		return true;
	}
}

static void random_setns(struct task *t, struct op *op)
{
	struct task *o = chance(50) ? t : random_task();

	op->type = chance(65) ? SETNS : OPEN;
	if (o->opened && chance(60)) {
		op->opts = OPENED;
	} else {
		o = random_task();
		op->opts = o->alive && chance(40) ? CHILDREN : 0;
	}
	op->target = task_id(o);
}

static void random_pid_max(struct op *op)
{
	static const int few[] = { 301, 302, 304, 308, 320, 400, 1000, 19000 };

	op->type = PID_MAX_IS;
	op->value = few[rnd(ARRAY_SIZE(few))];
	if (model.pid_max != PID_LIMIT)
		op->value = PID_LIMIT;
}

static void random_last_pid(struct task *t, struct op *op)
{
	const int last[] = {
		-1, 0, 1, RESERVED - 1, RESERVED, RESERVED + 1, 1000 + (int)rnd(24),
		model.pid_max - 2, model.pid_max - 1, model.pid_max,
		model.pid_max + 1,
	};

	op->type = LAST_PID;
	op->value = last[rnd(ARRAY_SIZE(last))];
}

/* A random operation that applies */
static void random_op(struct op *op)
{
	static const enum caps all_caps[] = {
		CAPS_ALL, CAPS_ALL, CAPS_ALL, CAPS_ALL, CAPS_NONE, CAPS_ADMIN,
		CAPS_RESTORE,
	};
	struct task *t;
	int r;

again:
	*op = (struct op){ .null = true };
	/* A task without privilege need not make a whole burst. */
	if (plan.burst > 0 && model.task[plan.last].alive &&
	    (may_call(&model.task[plan.last]) || chance(30))) {
		plan.burst--;
		random_child(&model.task[plan.last], CALL, op);
		return;
	}
	t = random_live_task();
	op->task = task_id(t);
	r = rnd(1000);
	if (plan.deep && chance(50)) {
		t = deepest_task();
		if (t->pids.ns->level < MAX_LEVELS - 1 || chance(30))
			r = 0;
		op->task = task_id(t);
	}
	if (model.pid_max != PID_LIMIT && chance(5))
		r = 999;
	if (chance(25) && model.nr_present <= MAX_PRESENT - 10) {
		t = task_at_empty_ns();
		if (t && random_op_at_empty_ns(t, op) && applies(op))
			return;
		goto again;
	}
	if (model.nr_present > MAX_PRESENT - 10)
		r = 460 + rnd(260);
	if (r < 350) {
		if (!may_call(t) && chance(60))
			goto again;
		plan.last = task_id(t);
		plan.burst = rnd(5);
		random_child(t, CALL, op);
	} else if (r < 440) {
		random_child(t, CLONE3, op);
	} else if (r < 460) {
		random_child(t, FORK, op);
	} else if (r < 560) {
		op->type = EXIT;
		if (chance(50)) {
			op->task = plan.leaders[rnd(ARRAY_SIZE(plan.leaders))];
			t = &model.task[op->task];
		}
		if (!t->alive)
			goto again;
		if (is_init(t) && rnd(plan.deep ? 30 : 4))
			goto again;
	} else if (r < 590) {
		op->type = LEAVE;
	} else if (r < 720) {
		if (!random_reap(op))
			goto again;
	} else if (r < 780) {
		op->type = UNSHARE;
		op->opts = chance(85) ? NEWPID : NEWUSER;
		plan.last = op->task;
		plan.burst = rnd(3);
	} else if (r < 840) {
		random_setns(t, op);
		plan.last = op->task;
		plan.burst = rnd(5);
	} else if (r < 895) {
		op->type = CAPS;
		op->value = all_caps[rnd(ARRAY_SIZE(all_caps))];
		plan.last = op->task;
		plan.burst = rnd(5);
	} else if (r < 930) {
		op->type = chance(50) ? SETSID : SETPGID;
		plan.leaders[rnd(ARRAY_SIZE(plan.leaders))] = task_id(t->leader);
		plan.last = op->task;
		plan.burst = rnd(8);
	} else if (r < 970) {
		random_last_pid(t, op);
	} else if (r < 975) {
		op->type = CHECK;
	} else if (plan.scarce || model.pid_max != PID_LIMIT) {
		random_pid_max(op);
	} else {
		goto again;
	}
	if (!applies(op))
		goto again;
}

/* Each round has random numbers of its own. */
void start_generator(__u64 seed, unsigned int round)
{
	random_state = seed * 1000003 + round;
	memset(&plan, 0, sizeof(plan));
	plan.next_task = 1;
	plan.deep = round % 4 == 1;
	plan.scarce = round % 4 == 3;
}

void generate(struct op *op)
{
	random_op(op);
	if (makes_child(op))
		plan.next_task++;
}
