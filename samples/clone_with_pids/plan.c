// SPDX-License-Identifier: GPL-2.0
/*
 * The plan of restart: in which small steps a tree is created.
 *
 * Who somebody is depends on who created him, and when: a session can only be
 * inherited, by being born to a member, while the parent may have left it long
 * ago. So restart first plans. It plays through the creation of the tree in
 * small steps (struct step), each of which one task takes: clone that one,
 * setsid, setpgid, ... What cannot be recreated is found there, when nothing has
 * been done yet.
 *
 * Five ways lead to a child of X in session S, tried in this order:
 *   1. X is in S at that moment, perhaps before its own setsid(): X clones it.
 *   2. A child of X is in S: that one clones it with CLONE_PARENT.
 *   3. A descendant of X is in S: its helper clones it and exits, and the orphan
 *      goes to X, which is made "child subreaper" for as long. If X is the first
 *      process of its pid namespace, anybody's orphans in there go to it.
 *   4. Nobody is, for S has lost its leader: X clones a helper with the pid S,
 *      which makes the session; then as in 2. The helper exits in the end.
 *   5. X is the first process of its pid namespace, and S is one of an older
 *      namespace: a member that lives there enters that of X, and leaves a helper
 *      there, who clones it and exits, as nsenter and a shell do.
 * Groups can be joined later, and one without a leader comes back by a helper, too;
 * but who lives in a younger pid namespace than his group cannot name it, and has
 * to inherit it or be put there by his parent.
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "restart.h"

struct actor *actor;
int num_actors, num_recorded;
struct step *step;
int num_steps;
int base;
static int room_for_actors;
static struct map by_pid;	/* key() -> the process or helper */
static struct map by_group;	/* key() of a group -> the first that shall be in it */
static struct map first_in_ns;	/* ordinal of a namespace -> its first process */
static struct map mentioned;	/* ids that the record has, in any namespace */

pid_t key(const struct ids *ids)
{
	return ids->nr[base < 0 ? 0 : base];
}

/* The number of namespaces that see this id. */
static unsigned int seen_by(const struct ids *ids)
{
	unsigned int num = 0;

	while (num < ids->num && ids->nr[num])
		num++;
	return num;
}

static struct actor *parent_of(const struct actor *a)
{
	return &actor[a->task.parent];
}

static bool descends(const struct actor *a, const struct actor *from)
{
	while (a != from && a != &actor[SELF])
		a = parent_of(a);
	return a == from;
}

static bool leads_session(const struct actor *a)
{
	return key(&a->task.pid) == key(&a->task.sid);
}

/* To go through the processes of the record. */
static struct actor *next_process(struct actor *a)
{
	do {
		if (++a == actor + num_recorded)
			return NULL;
	} while (a->task.kind == THREAD);
	return a;
}

#define for_each_process(a) for (a = actor; (a = next_process(a)); )

/* The process or helper of that number. */
static struct actor *find(pid_t pid)
{
	int i = map_find(&by_pid, pid);

	return i < 0 ? NULL : &actor[i];
}

static struct actor *first_of(int ns)
{
	int i = map_find(&first_in_ns, (unsigned int)ns);

	return i < 0 ? NULL : &actor[i];
}

/* Is @ns the namespace @older, or below it? */
static bool ns_within(int ns, int older)
{
	while (ns != older) {
		const struct actor *first = first_of(ns);

		if (!first)
			return false;
		ns = parent_of(first)->task.ns;
	}
	return true;
}

static int birth_ns(const struct actor *a)
{
	return is_init(&a->task) ? parent_of(a)->task.ns : a->task.ns;
}

/* The session that @a has to be born in, or NULL: in any, it makes its own. */
static const struct ids *birth_session(const struct actor *a)
{
	if (leads_session(a))
		return a->bound ? &a->birth : NULL;
	return &a->task.sid;
}

/* Can @a name that group? Not if it was made in an older namespace. */
static bool sees(const struct actor *a, const struct ids *pgid)
{
	return a->task.pid.num && a->task.pid.num <= seen_by(pgid);
}

/* The group that @a has to be in at first, or NULL: in any. */
static const struct ids *first_group(const struct actor *a)
{
	if (a->group_bound)
		return &a->first_pgid;
	return leads_session(a) ? NULL : &a->task.pgid;
}

/* A group that @a cannot name is inherited, or else @a is put there by its parent. */
static bool group_within_reach(const struct actor *a, const struct actor *creator)
{
	const struct ids *pgid = first_group(a), *session = birth_session(a);
	const struct actor *parent = parent_of(a);

	if (!pgid || sees(a, pgid) || creator->pgid == key(pgid))
		return true;
	return parent->made && sees(parent, pgid) && session && parent->sid == key(session) &&
	       key(&parent->task.sid) == key(session);
}

/* Is there a child yet to be born that can only inherit the group @a is to leave? */
static bool has_heir(const struct actor *a)
{
	struct actor *child;

	if (!a->group_bound)
		return false;
	for_each_process(child) {
		const struct ids *pgid = first_group(child);

		if (parent_of(child) == a && !child->made &&
		    pgid && !sees(child, pgid) && key(pgid) == key(&a->first_pgid))
			return true;
	}
	return false;
}

static bool may_bear(const struct actor *creator, const struct actor *a)
{
	const struct ids *session = birth_session(a);
	int ns = birth_ns(a);

	if (!creator->made || creator->task.kind == THREAD)
		return false;
	if (session && creator->sid != key(session))
		return false;
	if (creator->task.ns != ns &&
	    (is_init(&a->task) || !ns_within(ns, creator->task.ns) || !first_of(ns)->made))
		return false;
	return group_within_reach(a, creator);
}

static void *shared_memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		err(EXIT_FAILURE, "memory for the plan");
	return mem;
}

static void add_step(enum op op, struct actor *a, struct actor *who, int how)
{
	/* Room for the next doubling. */
	if (!(num_steps & (num_steps - 1))) {
		struct step *old = step;

		step = shared_memory((num_steps ? 2 * num_steps : 1) * sizeof(*step));
		if (old) {
			memcpy(step, old, num_steps * sizeof(*step));
			munmap(old, num_steps * sizeof(*step));
		}
	}
	step[num_steps++] = (struct step){ op, a - actor, who - actor, how };
}

static void give_birth(struct actor *creator, struct actor *a, int flags)
{
	bool elsewhere = a->task.kind != HELPER && creator->task.ns != birth_ns(a);

	if (elsewhere)
		add_step(ENTER, creator, first_of(birth_ns(a)), 0);
	add_step(CLONE, creator, a, flags | (is_init(&a->task) ? CLONE_NEWPID : 0));
	if (elsewhere)
		add_step(ENTER, creator, creator, 0);
	a->made = true;
	a->sid = creator->sid;
	a->pgid = creator->pgid;
}

/* Does the record have that id, of anything in any namespace? */
bool in_record(pid_t pid)
{
	return map_find(&mentioned, pid) >= 0;
}

/* Before all else: in which namespace restart lives, and which ids are mentioned. */
void look_over(const struct tree *tree)
{
	const struct task *task, *root = &tree->task[0];
	unsigned int i;

	base = (int)root->pid.num - (is_init(root) ? 2 : 1);
	for (task = root; task < root + tree->num; task++) {
		for (i = 0; i < task->pid.num; i++)
			map_add(&mentioned, task->pid.nr[i], 0);
		for (i = 0; i < task->pgid.num; i++)
			map_add(&mentioned, task->pgid.nr[i], 0);
		for (i = 0; i < task->sid.num; i++)
			map_add(&mentioned, task->sid.nr[i], 0);
	}
}

/*
 * The pid below @pid, or the highest, that the record does not need; 0: there is
 * none. It is for helpers, who live while others are born: left to the kernel,
 * their pids could be just those that the others need. Whether it is free is for
 * the kernel to say: it is asked for at all levels at once.
 */
pid_t next_spare(pid_t pid)
{
	static long pid_max;
	long tries;

	if (!pid_max)
		pid_max = read_number("/proc/sys/kernel/pid_max");
	if (pid_max <= 1)
		pid_max = 32768;
	for (tries = 0; tries < pid_max; tries++) {
		pid = pid > 2 ? pid - 1 : pid_max - 1;
		if (!in_record(pid))
			return pid;
	}
	return 0;
}

/* A helper that @parent creates in the namespace of @resident. */
static struct actor *add_helper(struct actor *parent, struct actor *resident,
				const struct ids *ids)
{
	static pid_t spare;
	struct actor *helper = &actor[num_actors];
	unsigned int i;

	if (num_actors == room_for_actors)
		errx(EXIT_IMPOSSIBLE, "the plan has too many helpers");
	if (!spare)
		spare = next_spare(0);
	if (!spare)
		errx(EXIT_IMPOSSIBLE,
		     "the record has all pids below kernel.pid_max, but a helper needs one, too");

	helper->task.kind = HELPER;
	helper->task.status = -1;
	helper->task.parent = parent - actor;
	helper->task.ns = resident->task.ns;
	helper->task.pid.num = resident->task.pid.num;
	helper->any_pid = !ids;
	for (i = 0; i < helper->task.pid.num; i++)
		helper->task.pid.nr[i] = ids ? ids->nr[i] : spare;
	if (ids)
		map_add(&by_pid, key(ids), num_actors);
	num_actors++;
	return helper;
}

/* A child of @parent whose pid is @ids, or a spare one. */
static struct actor *give_birth_to_helper(struct actor *parent, const struct ids *ids)
{
	struct actor *helper = add_helper(parent, parent, ids);

	give_birth(parent, helper, 0);
	return helper;
}

/* The leader of a group that has lost it; @member is of its session. */
static void found_group(struct actor *member, const struct ids *pgid)
{
	struct actor *helper = give_birth_to_helper(member, pgid);

	add_step(SET_PGID, helper, helper, ids_last(&helper->task.pid));
	helper->pgid = key(pgid);
}

/* Did @a live in an older namespace than that of @first, which is within it? */
static bool lives_above(const struct actor *a, const struct actor *first)
{
	return a->made && a->task.kind != THREAD && a->task.ns != first->task.ns &&
	       ns_within(first->task.ns, a->task.ns);
}

/* Do the children of @a's children go to @heir, when their parents exit? */
static bool leaves_orphans_to(const struct actor *a, const struct actor *heir)
{
	return a->task.ns == heir->task.ns &&
	       (descends(a, heir) || (is_init(&heir->task) && a != heir));
}

/* The fifth way. */
static bool bear_from_outside(struct actor *a)
{
	const struct ids *session = birth_session(a), *pgid = first_group(a);
	struct actor *first = parent_of(a), *other, *helper;

	if (!is_init(&first->task) || birth_ns(a) != first->task.ns || !session)
		return false;

	for (other = actor; other < actor + num_actors; other++) {
		if (!lives_above(other, first) || other->sid != key(session) ||
		    (pgid && !sees(a, pgid) && other->pgid != key(pgid)))
			continue;
		helper = add_helper(other, first, NULL);
		add_step(ENTER, other, first, 0);
		give_birth(other, helper, 0);
		add_step(ENTER, other, other, 0);
		give_birth(helper, a, 0);
		add_step(END, helper, helper, 0);
		add_step(REAP, other, helper, 0);
		helper->made = false;
		return true;
	}

	/* The session, or then the group, has lost its leader. */
	for (other = actor; other < actor + num_actors; other++) {
		if (!lives_above(other, first))
			continue;
		if (key(session) && !find(key(session)) &&
		    other->task.pid.num == seen_by(session)) {
			helper = give_birth_to_helper(other, session);
			add_step(SET_SID, helper, helper, 0);
			helper->sid = key(session);
			helper->pgid = helper->sid;
			return true;
		}
		if (pgid && !sees(a, pgid) && key(pgid) && !find(key(pgid)) &&
		    other->sid == key(session) && other->task.pid.num == seen_by(pgid)) {
			found_group(other, pgid);
			return true;
		}
	}
	return false;
}

/* The ways of the head comment. */
static bool bear(struct actor *a)
{
	const struct ids *session = birth_session(a), *pgid = first_group(a);
	struct actor *parent = parent_of(a), *other, *helper;

	if (!parent->made)
		return false;

	if (may_bear(parent, a)) {
		give_birth(parent, a, 0);
		return true;
	}
	for (other = actor + 1; other < actor + num_actors; other++) {
		/* The kernel lets no first process of a namespace have siblings. */
		if (parent_of(other) == parent && !is_init(&other->task) && may_bear(other, a)) {
			give_birth(other, a, CLONE_PARENT);
			return true;
		}
	}
	for (other = actor + 1; other < actor + num_actors; other++) {
		if (leaves_orphans_to(other, parent) && may_bear(other, a)) {
			if (!is_init(&parent->task))
				add_step(ADOPT, parent, parent, true);
			helper = give_birth_to_helper(other, NULL);
			give_birth(helper, a, 0);
			add_step(END, helper, helper, 0);
			add_step(REAP, other, helper, 0);
			if (!is_init(&parent->task))
				add_step(ADOPT, parent, parent, false);
			helper->made = false;
			return true;
		}
	}
	if (session && key(session) && !find(key(session)) &&
	    seen_by(session) == parent->task.pid.num) {
		helper = give_birth_to_helper(parent, session);
		add_step(SET_SID, helper, helper, 0);
		helper->sid = key(session);
		helper->pgid = helper->sid;
		return true;
	}

	if (bear_from_outside(a))
		return true;

	/* Session and parent may be fine, and the group to be inherited not there. */
	if (!session || !pgid || !key(pgid) || sees(a, pgid) || find(key(pgid)))
		return false;
	for (other = actor; other < actor + num_actors; other++) {
		if (other->made && other->task.kind != THREAD && other->sid == key(session) &&
		    leaves_orphans_to(other, parent) &&
		    other->task.pid.num == seen_by(pgid)) {
			found_group(other, pgid);
			return true;
		}
	}
	return false;
}

/* A leader leaves the session it was born in, but first come the children born there. */
static bool make_session(struct actor *a)
{
	struct actor *child;

	if (!leads_session(a) || a->sid == key(&a->task.pid) || has_heir(a))
		return false;
	for_each_process(child) {
		const struct ids *session = birth_session(child);

		if (!a->bound)
			break;
		if (parent_of(child) == a && !child->made &&
		    session && key(session) == key(&a->birth))
			return false;
	}
	add_step(SET_SID, a, a, 0);
	a->sid = key(&a->task.pid);
	a->pgid = a->sid;
	return true;
}

/* Is there somebody else who belongs to the group that has @a's pid, and is not there yet? */
static bool is_awaited(const struct actor *a)
{
	int i;

	for (i = map_find(&by_group, key(&a->task.pid)); i > 0; i = actor[i].next_in_group)
		if (&actor[i] != a && !(actor[i].made && actor[i].pgid == key(&a->task.pid)))
			return true;
	return false;
}

static bool join_group(struct actor *a)
{
	const struct ids *group = has_heir(a) ? &a->first_pgid : &a->task.pgid;
	struct actor *parent = parent_of(a), *other;
	pid_t pid = key(&a->task.pid), pgid = key(group);

	if (!has_heir(a) && (leads_session(a) || a->sid != key(&a->task.sid)))
		return false;

	/* A group begins with the process of its number, even if that moves on. */
	if (a->pgid != pid && !leads_session(a) &&
	    (pgid == pid || (is_awaited(a) && !has_heir(a)))) {
		add_step(SET_PGID, a, a, ids_last(&a->task.pid));
		a->pgid = pid;
		return true;
	}
	if (a->pgid == pgid || (a->pgid == pid && is_awaited(a)))
		return false;

	/* Mostly its leader is there. */
	other = find(pgid);
	if (!other || !other->made || other->pgid != pgid || other->sid != a->sid)
		for (other = actor; other < actor + num_actors; other++)
			if (other->made && other->pgid == pgid && other->sid == a->sid)
				break;
	if (other < actor + num_actors) {
		if (sees(a, group))
			add_step(SET_PGID, a, a, group->nr[a->task.pid.num - 1]);
		else if (sees(parent, group) && parent->sid == a->sid)
			add_step(SET_PGID, parent, a, group->nr[parent->task.pid.num - 1]);
		else
			return false;
		a->pgid = pgid;
		return true;
	}
	if (!pgid || find(pgid))
		return false;
	if (seen_by(group) == a->task.pid.num)
		found_group(a, group);
	else if (seen_by(group) == parent->task.pid.num && parent->sid == a->sid)
		found_group(parent, group);
	else
		return false;
	return true;
}

/* Is the fifth way there for @a, whose group or session is @ids? */
static bool comes_from_outside(const struct actor *a, const struct ids *ids)
{
	const struct actor *parent = parent_of(a);

	return is_init(&parent->task) && seen_by(ids) < parent->task.pid.num &&
	       parent->task.ns == birth_ns(a);
}

/*
 * A child outside of the session that its parent leads: was it born before the
 * parent's setsid(), or somewhere else, and then orphaned? Orphans only go to an
 * ancestor of the session's leader, and mostly to the first process of the
 * namespace. Otherwise the parent, too, has to be born in that session.
 */
static void bind_parents(const struct actor *a)
{
	const struct ids *session = &a->task.sid;
	struct actor *parent;

	if (leads_session(a) || comes_from_outside(a, session))
		return;
	for (parent = parent_of(a); parent != &actor[SELF]; parent = parent_of(parent)) {
		const struct actor *leader = find(key(session));

		if (!leads_session(parent) || key(&parent->task.sid) == key(session) ||
		    parent->bound)
			return;
		if (leader ? leaves_orphans_to(leader, parent) :
		    is_init(&parent->task) && seen_by(session) == parent->task.pid.num)
			return;
		parent->bound = true;
		parent->birth = *session;
	}
}

/*
 * The same for groups: one that a child can only have inherited was also that of
 * its parent, if not for ever.
 */
static void bind_parents_groups(const struct actor *a)
{
	const struct ids *pgid = &a->task.pgid, *session = &a->task.sid;
	struct actor *parent;

	if (leads_session(a) || sees(a, pgid) || comes_from_outside(a, pgid))
		return;
	for (parent = parent_of(a); parent != &actor[SELF]; parent = parent_of(parent)) {
		bool stays = key(&parent->task.sid) == key(session);

		if (key(&parent->task.pgid) == key(pgid) || parent->group_bound)
			return;
		if (stays ? sees(parent, pgid) :
		    !parent->bound || key(&parent->birth) != key(session))
			return;
		parent->group_bound = true;
		parent->first_pgid = *pgid;
		if (sees(parent, pgid))
			return;
	}
}

static const char *name_of(const struct actor *a)
{
	static char text[4][128];
	static int turn;
	char *name = text[turn = (turn + 1) % 4];

	if (a == &actor[SELF])
		return "restart";
	snprintf(name, sizeof(text[0]), "%.100s (%s)", ids_text(&a->task.pid, '/'),
		 a->task.kind == HELPER ? "helper" : printable(a->task.comm));
	return name;
}

static bool anybody_in(const struct ids *session)
{
	const struct actor *a;

	for (a = actor; a < actor + num_actors; a++)
		if (a->made && a->sid == key(session))
			return true;
	return false;
}

static void __noreturn impossible(const struct actor *a)
{
	const struct actor *parent = parent_of(a), *leader;
	const struct ids *session = birth_session(a);

	fprintf(stderr, "restart: line %d: %s cannot be recreated:\n", a->task.line, name_of(a));
	if (!a->made && !ns_within(birth_ns(a), actor[SELF].task.ns)) {
		fprintf(stderr, "  the first process of its pid namespace is not in the record\n");
	} else if (a->made || !session || (anybody_in(session) && !group_within_reach(a, parent))) {
		fprintf(stderr, "  it cannot get into its process group, %s\n",
			ids_text(&a->task.pgid, '/'));
	} else if (!key(session)) {
		fprintf(stderr, "  the leader of its session lived outside of this pid namespace;\n"
			"  so must that of restart's own\n");
	} else {
		leader = find(key(session));
		fprintf(stderr, "  its parent, %s, cannot have a child in session %s,\n",
			name_of(parent), ids_text(session, '/'));
		if (leader)
			fprintf(stderr, "  which is led by %s\n", name_of(leader));
		else
			fprintf(stderr, "  whose leader, now gone, lived in another namespace\n");
	}
	exit(EXIT_IMPOSSIBLE);
}

/* What is to be done at last, when all are there and nobody needs to move. */
static void add_last_steps(void)
{
	struct actor *a;

	for (a = actor + 1; a < actor + num_recorded; a++)
		if (a->task.kind == THREAD)
			add_step(CLONE_THREAD_OF, parent_of(a), a, 0);
	/* Those that were made by helpers first. */
	for (a = actor + num_actors; --a >= actor + num_recorded; ) {
		if (a->made) {
			add_step(END, a, a, 0);
			add_step(REAP, parent_of(a), a, 0);
		}
	}
	for_each_process(a)
		if (a->task.subreaper)
			add_step(ADOPT, a, a, true);
	for_each_process(a) {
		int status = a->task.status < 0 ? 0 : a->task.status;

		/* The first process of a namespace cannot kill itself. */
		if (a->task.kind == ZOMBIE && is_init(&a->task) && WIFSIGNALED(status))
			add_step(SEND, &actor[SELF], a, SIGKILL);
		else if (a->task.kind == ZOMBIE)
			add_step(END, a, a, status);
	}
	for_each_process(a)
		if (a->task.stopped)
			add_step(SEND, &actor[SELF], a, SIGSTOP);
}

static void add_recorded(const struct task *task)
{
	struct actor *a = &actor[num_actors];
	int leader;

	a->task = *task;
	a->task.parent++;
	if (task->kind != THREAD) {
		map_add(&by_pid, key(&task->pid), num_actors);
		if (is_init(task))
			map_add(&first_in_ns, (unsigned int)task->ns, num_actors);
		leader = map_find(&by_group, key(&task->pgid));
		map_add(&by_group, key(&task->pgid), num_actors);
		if (leader >= 0) {
			a->next_in_group = actor[leader].next_in_group;
			actor[leader].next_in_group = num_actors;
		}
	}
	num_actors++;
}

/* @outside: restart's own group and session are those that are led from outside. */
void make_plan(const struct tree *tree, bool outside)
{
	const struct task *root = &tree->task[0];
	struct actor *a;
	bool progress;
	int i;

	/*
	 * A process needs four helpers at most: of a session, of a group, to be
	 * orphaned, and to come from outside. They cost nothing until they are used.
	 */
	num_recorded = 1 + tree->num;
	room_for_actors = 1 + 5 * tree->num;
	actor = shared_memory(room_for_actors * sizeof(*actor));
	a = &actor[SELF];
	a->made = true;
	a->task.kind = HELPER;
	a->task.pid.num = base + 1;
	a->task.ns = is_init(root) ? -1 : root->ns;
	if (base >= 0) {
		a->task.pid.nr[base] = getpid();
		a->sid = outside ? 0 : getsid(0);
		a->pgid = outside ? 0 : getpgrp();
	}
	for (num_actors = 1, i = 0; i < tree->num; i++)
		add_recorded(&tree->task[i]);

	for_each_process(a)
		bind_parents(a);
	for_each_process(a)
		bind_parents_groups(a);
	do {
		progress = false;
		for_each_process(a) {
			if (!a->made)
				progress |= bear(a);
			if (a->made)
				progress |= make_session(a) || join_group(a);
		}
	} while (progress);
	for_each_process(a)
		if (!a->made || a->sid != key(&a->task.sid) || a->pgid != key(&a->task.pgid))
			impossible(a);
	add_last_steps();
}

void print_step(FILE *out, const struct step *s)
{
	const struct actor *a = &actor[s->actor], *who = &actor[s->who];

	fprintf(out, "%s: ", name_of(a));
	switch (s->op) {
	case CLONE:
		fprintf(out, "clone %s%s%s", name_of(who),
			s->how & CLONE_PARENT ? ", CLONE_PARENT" : "",
			s->how & CLONE_NEWPID ? ", CLONE_NEWPID" : "");
		break;
	case CLONE_THREAD_OF:
		fprintf(out, "clone %s, CLONE_THREAD", name_of(who));
		break;
	case SET_SID:
		fprintf(out, "setsid");
		break;
	case SET_PGID:
		fprintf(out, "setpgid %s to %d", a == who ? "itself" : name_of(who), s->how);
		break;
	case ENTER:
		if (a == who)
			fprintf(out, "setns back to its own pid namespace");
		else
			fprintf(out, "setns to the pid namespace of %s", name_of(who));
		break;
	case ADOPT:
		fprintf(out, "be%s the subreaper", s->how ? "" : " no longer");
		break;
	case END:
		if (WIFSIGNALED(s->how))
			fprintf(out, "be killed by signal %d", WTERMSIG(s->how));
		else
			fprintf(out, "exit with status %d", WEXITSTATUS(s->how));
		break;
	case REAP:
		fprintf(out, "wait for %s", name_of(who));
		break;
	case SEND:
		fprintf(out, "send signal %d to %s", s->how, name_of(who));
		break;
	}
}
