// SPDX-License-Identifier: GPL-2.0
/*
 * restart - recreate the process tree that checkpoint wrote down
 *
 *	restart FILE
 *
 * Every process and thread comes back with the ids it had in every pid
 * namespace, with its parent, process group, session and name. They are
 * placeholders and do nothing but sleep: to fill them with memory, files and
 * registers is CRIU's job. Nor are other namespaces than those of pids recreated.
 *
 * Who somebody is depends on who created him, and when: a session can only be
 * inherited, by being born to a member, while the parent may have left it long
 * ago. So restart first plans. It plays through the creation of the tree in
 * small steps (struct step), each of which one task takes: clone that one,
 * setsid, setpgid, ... What cannot be recreated is found there, when nothing has
 * been done yet. Then the steps are taken, one at a time: each task waits in
 * obey() for its turn, and so does each newborn, as soon as it exists.
 *
 * Four ways lead to a child of X in session S, tried in this order:
 *   1. X is in S at that moment, perhaps before its own setsid(): X clones it.
 *   2. A child of X is in S: that one clones it with CLONE_PARENT.
 *   3. A descendant of X is in S: its helper clones it and exits, and the orphan
 *      goes to X, which is the first process of its pid namespace, or is made
 *      "child subreaper" for as long.
 *   4. Nobody is, for S has lost its leader: X clones a helper with the pid S,
 *      which makes the session; then as in 2. The helper exits in the end.
 * Groups can be joined later, and one without a leader comes back by a helper, too;
 * but who lives in a younger pid namespace than his group cannot name it, and has
 * to inherit it or be put there by his parent.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/futex.h>

#include "pidtree.h"

#define EXIT_IMPOSSIBLE	4
#define STEP_SECONDS	10
#define STACK_SIZE	16384
#define SHOWN		3	/* busy pids, before it gets too long */

static const char usage[] =
"Usage: restart [-d | -n] FILE\n"
"\n"
"Recreate the process tree that checkpoint wrote to FILE (\"-\": standard input)\n"
"with the same ids in every pid namespace, as sleeping placeholders. Print the pid\n"
"of its root, and stay its parent until it ends. SIGINT, SIGTERM and SIGHUP end\n"
"the whole tree.\n"
"\n"
"  -d, --detach   exit as soon as the tree stands; it then belongs to init\n"
"  -n, --dry-run  only show the steps that would be taken, if there is a way\n"
"  -h, --help     show this\n"
"\n"
"It needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over its own pid namespace and each\n"
"older one that FILE has ids of; a tree with pid namespaces of its own needs\n"
"CAP_SYS_ADMIN.\n"
"\n"
"Exit status:\n"
"  that of the root, or 128+N if signal N ended it; 0 with -d and -n; else\n"
"  1  a step failed: nothing is left of what had been created\n"
"  2  restart was used wrongly\n"
"  3  FILE cannot be read, or is damaged\n"
"  4  the tree cannot be recreated here; nothing was tried\n";

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
	pid_t known_as;		/* to its creator */
};

enum op {
	CLONE,			/* create the process @who; @how: more flags */
	CLONE_THREAD_OF,	/* create the thread @who */
	SET_SID,
	SET_PGID,		/* put @who into the group @how, as this task sees it */
	ENTER,			/* from now on, children are born in the pid namespace of @who */
	ADOPT,			/* @how: do orphaned descendants come here? */
	SET_NAME,
	END,			/* exit, but let one's threads live on */
	REAP,			/* wait for the helper @who to exit */
	SLEEP,			/* the part is played */
};

struct step {
	enum op op;
	int actor, who, how;
};

static struct actor *actor;
static int num_actors;
static int num_recorded;	/* with SELF; then come helpers */
static struct step *step;	/* counted from 1 */
static int num_steps;
static int base;		/* restart's level in the record; -1: an older one */
static pid_t spare;		/* nobody in the record has it */

/* What all of them share. */
struct stage {
	unsigned int done;		/* the step that was taken last */
	int error;			/* that it met */
	struct {
		unsigned int turn;	/* the step that this actor is to take */
		pid_t pid;		/* as restart sees it; 0: is not there */
	} actor[];
};

static struct stage *stage;
static sigset_t old_mask;

static pid_t key(const struct ids *ids)
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
	struct actor *a;

	for (a = actor + 1; a < actor + num_actors; a++)
		if (a->task.kind != THREAD && key(&a->task.pid) == pid)
			return a;
	return NULL;
}

static struct actor *first_of(int ns)
{
	struct actor *a;

	for_each_process(a)
		if (a->task.ns == ns && is_init(&a->task))
			return a;
	return NULL;
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

	for_each_process(child) {
		const struct ids *pgid = first_group(child);

		if (a->group_bound && parent_of(child) == a && !child->made &&
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

static void add_step(enum op op, struct actor *a, struct actor *who, int how)
{
	/* Room for the next doubling. */
	if (!(num_steps & (num_steps - 1))) {
		step = reallocarray(step, num_steps ? 2 * num_steps : 1, sizeof(*step));
		if (!step)
			err(EXIT_FAILURE, "%d steps", num_steps);
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

/*
 * For a helper that lives while others are born: left to the kernel, its pid could
 * be just the one that they need.
 */
static pid_t spare_pid(void)
{
	/* Another restart beside this one shall look elsewhere. */
	long pid = read_number("/proc/sys/kernel/pid_max") - getpid() + 1;
	const struct task *task;
	unsigned int i;
	bool used;
	int n;

	if (pid <= 1)
		pid = 32768;
	do {
		pid--;
		used = getpgid(pid) >= 0;
		for (n = 1; n < num_recorded; n++) {
			task = &actor[n].task;
			for (i = 0; i < task->pid.num; i++)
				used |= task->pid.nr[i] == pid || task->pgid.nr[i] == pid ||
					task->sid.nr[i] == pid;
		}
	} while (used);
	return pid;
}

/* A child of @parent whose pid is @ids, or the spare one. */
static struct actor *give_birth_to_helper(struct actor *parent, const struct ids *ids)
{
	struct actor *helper = &actor[num_actors++];
	unsigned int i;

	helper->task.kind = HELPER;
	helper->task.parent = parent - actor;
	helper->task.ns = parent->task.ns;
	helper->task.pid.num = parent->task.pid.num;
	for (i = 0; i < helper->task.pid.num; i++)
		helper->task.pid.nr[i] = ids ? ids->nr[i] : spare;
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

/* The four ways of the head comment. */
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
		if (descends(other, parent) && other->task.ns == parent->task.ns &&
		    may_bear(other, a)) {
			add_step(ADOPT, parent, parent, true);
			helper = give_birth_to_helper(other, NULL);
			give_birth(helper, a, 0);
			add_step(END, helper, helper, 0);
			add_step(REAP, other, helper, 0);
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

	/* Session and parent may be fine, and the group to be inherited not there. */
	if (!session || !pgid || !key(pgid) || sees(a, pgid) || find(key(pgid)))
		return false;
	for (other = actor; other < actor + num_actors; other++) {
		if (other->made && other->task.kind != THREAD && other->sid == key(session) &&
		    descends(other, parent) && other->task.ns == parent->task.ns &&
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

		if (a->bound && parent_of(child) == a && !child->made &&
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
	struct actor *other;

	for_each_process(other)
		if (other != a && key(&other->task.pgid) == key(&a->task.pid) &&
		    !(other->made && other->pgid == key(&a->task.pid)))
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

	if (leads_session(a))
		return;
	for (parent = parent_of(a); parent != &actor[SELF]; parent = parent_of(parent)) {
		const struct actor *leader = find(key(session));

		if (!leads_session(parent) || key(&parent->task.sid) == key(session) ||
		    parent->bound)
			return;
		if (leader ? descends(leader, parent) :
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

	if (leads_session(a) || sees(a, pgid))
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

static void __noreturn impossible(const struct actor *a)
{
	const struct actor *parent = parent_of(a), *leader;
	const struct ids *session = birth_session(a);

	fprintf(stderr, "restart: line %d: %s cannot be recreated:\n", a->task.line, name_of(a));
	if (!a->made && !ns_within(birth_ns(a), actor[SELF].task.ns)) {
		fprintf(stderr, "  the first process of its pid namespace is not in the record\n");
	} else if (a->made || !session || !group_within_reach(a, parent)) {
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

static void make_plan(const struct tree *tree)
{
	const struct task *root = &tree->task[0];
	struct actor *a;
	bool progress;
	int i;

	base = (int)root->pid.num - (is_init(root) ? 2 : 1);

	/* A process needs three helpers at most: of a session, of a group, and to be orphaned. */
	num_recorded = 1 + tree->num;
	num_actors = num_recorded;
	actor = calloc(1 + 4 * (size_t)tree->num, sizeof(*actor));
	if (!actor)
		err(EXIT_FAILURE, "%d tasks", tree->num);
	a = &actor[SELF];
	a->made = true;
	a->task.kind = HELPER;
	a->task.pid.num = base + 1;
	a->task.ns = is_init(root) ? -1 : root->ns;
	if (base >= 0) {
		a->task.pid.nr[base] = getpid();
		a->sid = getsid(0);
		a->pgid = getpgrp();
	}
	for (i = 1; i < num_recorded; i++) {
		actor[i].task = tree->task[i - 1];
		actor[i].task.parent++;
	}

	spare = spare_pid();
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

	for (a = actor + 1; a < actor + num_recorded; a++) {
		if (a->task.kind == THREAD)
			add_step(CLONE_THREAD_OF, parent_of(a), a, 0);
		add_step(SET_NAME, a, a, 0);
	}
	for (a = actor + num_recorded; a < actor + num_actors; a++) {
		if (a->made) {
			add_step(END, a, a, 0);
			add_step(REAP, parent_of(a), a, 0);
		}
	}
	for (a = actor + 1; a < actor + num_recorded; a++)
		add_step(a->task.kind == ZOMBIE ? END : SLEEP, a, a, 0);
}

static void print_step(FILE *out, const struct step *s)
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
	case SET_NAME:
		fprintf(out, "take its name");
		break;
	case END:
		fprintf(out, "exit");
		break;
	case REAP:
		fprintf(out, "wait for %s", name_of(who));
		break;
	case SLEEP:
		fprintf(out, "sleep");
		break;
	}
}

static void futex(unsigned int *word, int op, unsigned int value, const struct timespec *timeout)
{
	syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

static void report(unsigned int nr, int error)
{
	stage->error = error;
	__atomic_store_n(&stage->done, nr, __ATOMIC_RELEASE);
	futex(&stage->done, FUTEX_WAKE, INT_MAX, NULL);
}

static void __noreturn obey(int me);

/* What a newborn of restart must not keep: its terminal, its files, its signal mask. */
static void cut_loose(void)
{
	int null = open("/dev/null", O_RDWR);
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	close_range(3, ~0U, 0);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
}

/* The newborn reports the step, when it can be killed by its number. */
static int create_process(unsigned int nr)
{
	struct step *s = &step[nr - 1];
	struct actor *a = &actor[s->who];
	struct ids want = a->task.pid;
	char self[16] = "";

	if (s->how & CLONE_NEWPID)
		want.num--;
	a->known_as = fork_with_pids(s->how, &want);
	if (a->known_as < 0)
		return errno;
	if (a->known_as)
		return -1;

	if (s->actor == SELF)
		cut_loose();
	/* This is restart's /proc, so the number there is what restart knows it by. */
	if (readlink("/proc/self", self, sizeof(self) - 1) < 0)
		_exit(EXIT_FAILURE);
	stage->actor[s->who].pid = atoi(self);
	report(nr, 0);
	obey(s->who);
}

static void __noreturn thread_main(unsigned int nr)
{
	report(nr, 0);
	obey(step[nr - 1].who);
}

/*
 * A thread cannot return from the system call as C code would, on a stack that
 * is empty. So the kernel's part is in assembly, as in the C library's clone():
 * the newborn finds on its stack where to go, and with which argument.
 */
static int create_thread(unsigned int nr)
{
	const struct ids *want = &actor[step[nr - 1].who].task.pid;
	unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			      CLONE_THREAD | CLONE_SYSVSEM;
	union {
		struct pid_set set;
		pid_t room[1 + MAX_LEVELS];
	} u;
	unsigned long *stack;
	long ret;

	u.set.num_pids = want->num;
	memcpy(u.set.pids, want->nr, want->num * sizeof(want->nr[0]));
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return errno;
	stack += STACK_SIZE / sizeof(*stack);

#if defined(__x86_64__)
	/* In rdi, the argument; the stack is aligned to 16 bytes at the call. */
	*--stack = nr;
	*--stack = (unsigned long)thread_main;
	register long child_tid asm("r10") = 0;
	register long tls asm("r8") = 0;
	register struct pid_set *set asm("r9") = &u.set;

	asm volatile("syscall\n\t"
		     "test	%%rax, %%rax\n\t"
		     "jnz	1f\n\t"
		     "xor	%%ebp, %%ebp\n\t"
		     "pop	%%rax\n\t"
		     "pop	%%rdi\n\t"
		     "call	*%%rax\n\t"
		     "ud2\n"
		     "1:"
		     : "=a" (ret)
		     : "a" (__NR_clone_with_pids), "D" (flags), "S" (stack), "d" (0),
		       "r" (child_tid), "r" (tls), "r" (set)
		     : "rcx", "r11", "memory");
#elif defined(__i386__)
	/*
	 * On the stack, the argument. The set goes in ebp, which is the compiler's;
	 * edi would be tls, which is not read, and lends a hand.
	 */
	stack -= 4;
	*stack = nr;
	*--stack = (unsigned long)thread_main;

	asm volatile("push	%%ebp\n\t"
		     "mov	%%edi, %%ebp\n\t"
		     "int	$0x80\n\t"
		     "test	%%eax, %%eax\n\t"
		     "jnz	1f\n\t"
		     "xor	%%ebp, %%ebp\n\t"
		     "pop	%%eax\n\t"
		     "call	*%%eax\n\t"
		     "ud2\n"
		     "1:	pop	%%ebp"
		     : "=a" (ret)
		     : "a" (__NR_clone_with_pids), "b" (flags), "c" (stack), "d" (0),
		       "S" (0), "D" (&u.set)
		     : "memory");
#else
#error "clone_with_pids() is there on x86 only"
#endif
	return ret < 0 ? -ret : -1;
}

static int enter_ns(const struct step *s)
{
	char path[32] = "/proc/self/ns/pid";
	int fd, error;

	if (s->who != s->actor)
		snprintf(path, sizeof(path), "/proc/%d/ns/pid", stage->actor[s->who].pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = setns(fd, CLONE_NEWPID) ? errno : 0;
	close(fd);
	return error;
}

/* Returns what is to be reported: an errno, or -1 when that is not up to this task. */
static int take(unsigned int nr)
{
	const struct step *s = &step[nr - 1];
	struct actor *a = &actor[s->actor], *who = &actor[s->who];
	int ret = 0;

	switch (s->op) {
	case CLONE:
		return create_process(nr);
	case CLONE_THREAD_OF:
		return create_thread(nr);
	case SET_SID:
		ret = setsid();
		break;
	case SET_PGID:
		ret = setpgid(who->task.pid.nr[a->task.pid.num - 1], s->how);
		break;
	case ENTER:
		return enter_ns(s);
	case ADOPT:
		ret = prctl(PR_SET_CHILD_SUBREAPER, s->how);
		break;
	case SET_NAME:
		ret = prctl(PR_SET_NAME, a->task.comm);
		break;
	case END:
		report(nr, 0);
		syscall(SYS_exit, 0);
		break;
	case REAP:
		do
			ret = waitpid(who->known_as, NULL, 0);
		while (ret < 0 && errno == EINTR);
		stage->actor[s->who].pid = 0;
		break;
	case SLEEP:
		report(nr, 0);
		for (;;)
			pause();
	}
	return ret < 0 ? errno : 0;
}

static void obey(int me)
{
	unsigned int *turn = &stage->actor[me].turn;
	unsigned int last = 0, nr;

	for (;;) {
		int error;

		while ((nr = __atomic_load_n(turn, __ATOMIC_ACQUIRE)) == last)
			futex(turn, FUTEX_WAIT, last, NULL);
		last = nr;
		error = take(nr);
		if (error >= 0)
			report(nr, error);
	}
}

/* Signals that end it; what has been created goes with it. */
static const int ending[] = {
	SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE,
};

#define NUM_ENDING ((int)(sizeof(ending) / sizeof(ending[0])))

/* Has step @nr taken, by whoever it is for. Returns an errno. */
static int direct(unsigned int nr)
{
	const struct timespec slice = { .tv_nsec = 100000000 };
	time_t end = time(NULL) + STEP_SECONDS;
	int me = step[nr - 1].actor;
	unsigned int done;
	sigset_t pending;
	int i;

	if (me == SELF) {
		int error = take(nr);

		if (error >= 0)
			return error;
	} else {
		__atomic_store_n(&stage->actor[me].turn, nr, __ATOMIC_RELEASE);
		futex(&stage->actor[me].turn, FUTEX_WAKE, INT_MAX, NULL);
	}
	while ((done = __atomic_load_n(&stage->done, __ATOMIC_ACQUIRE)) != nr) {
		futex(&stage->done, FUTEX_WAIT, done, &slice);
		sigpending(&pending);
		for (i = 0; i < NUM_ENDING; i++)
			if (sigismember(&pending, ending[i]))
				return EINTR;
		if (time(NULL) > end)
			return ETIMEDOUT;
	}
	return stage->error;
}

static int read_actor(struct status *st, int i)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", stage->actor[i].pid);
	return stage->actor[i].pid ? read_status(st, path) : -1;
}

/*
 * Nothing half done is left. Only children are killed, for their numbers cannot
 * have gone to others; the orphans that this makes become children in turn.
 */
static void undo(void)
{
	struct status st;
	bool found;
	int i;

	do {
		found = false;
		for (i = 1; i < num_actors; i++) {
			if (read_actor(&st, i) || st.ppid != getpid())
				continue;
			found = true;
			kill(stage->actor[i].pid, SIGKILL);
			if (waitpid(stage->actor[i].pid, NULL, WNOHANG) == 0)
				usleep(1000);
		}
	} while (found);
}

static void __noreturn failed(unsigned int nr, int error)
{
	const struct step *s = &step[nr - 1];
	const struct ids *ids = &actor[s->who].task.pid;
	int i;

	undo();
	fprintf(stderr, "restart: step %u of %d failed: ", nr, num_steps);
	print_step(stderr, s);
	fprintf(stderr, ": %s\n", strerror(error));
	for (i = 0; error == EBUSY && i <= base; i++) {
		struct place place;
		char *holders;

		find_place(&place, base - i);
		holders = ids->nr[i] ? pid_holders(ids->nr[i], &place) : NULL;
		if (holders)
			fprintf(stderr, "  pid %d is held\n%s", ids->nr[i], holders);
		free(holders);
	}
	if (error == ENOSPC || error == EUSERS)
		fputs("  No more pid namespaces: see /proc/sys/user/max_pid_namespaces.\n", stderr);
	fputs("  What had been created has been removed again.\n", stderr);
	exit(EXIT_FAILURE);
}

/* What can be known before anything is done. */
static void check_kernel(const struct tree *tree)
{
	long pid_max = read_number("/proc/sys/kernel/pid_max");
	int error = call_error();
	unsigned int levels, deepest = 0;
	bool empty;
	int i;

	if (error)
		errx(EXIT_IMPOSSIBLE, "%s", error == ENOSYS ?
		     "this kernel has no clone_with_pids(): it needs CONFIG_CLONE_WITH_PIDS=y" :
		     "a seccomp filter forbids clone_with_pids() here");
	if (newborn_depth(&empty))
		errx(EXIT_IMPOSSIBLE,
		     "its children would live in another pid namespace: use unshare --fork");

	levels = count_levels(0);
	for (i = 0; i < tree->num; i++)
		if (tree->task[i].pid.num > deepest)
			deepest = tree->task[i].pid.num;
	if (base + 1 > (int)levels)
		errx(EXIT_IMPOSSIBLE,
		     "the root needs %d pid namespaces, and there are %u: run it inside more",
		     base + 1, levels);
	if (deepest - (base + 1) + levels > MAX_LEVELS)
		errx(EXIT_IMPOSSIBLE, "pid namespaces would nest more than %d deep", MAX_LEVELS);
	for (i = 1; pid_max > 0 && i < num_actors; i++) {
		const struct ids *ids = &actor[i].task.pid;
		unsigned int level;

		for (level = 0; level < ids->num; level++)
			if (ids->nr[level] >= pid_max)
				errx(EXIT_IMPOSSIBLE, "pid %d is not below kernel.pid_max, %ld",
				     ids->nr[level], pid_max);
	}
	if (!may_choose(1, 0))
		errx(EXIT_IMPOSSIBLE,
		     "may not use clone_with_pids(): that needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over this pid namespace");
	for (i = 0; i < base; i++)
		if (!may_choose(base + 1, i))
			errx(EXIT_IMPOSSIBLE,
			     "may not choose pids in an older pid namespace: that needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over it");
}

static void see_taken(const struct status *st, void *arg)
{
	bool *taken = arg;
	int i;

	for (i = 1; i < num_actors; i++) {
		pid_t pid = key(&actor[i].task.pid);

		if (pid && (pid == st->pid.nr[0] || pid == st->pgid.nr[0] || pid == st->sid.nr[0]))
			taken[i] = true;
	}
}

static void see_threads_taken(const struct status *st, void *arg)
{
	each_thread(st->tgid, see_taken, arg);
}

/* New pid namespaces are empty, but this one is not. */
static void check_pids(void)
{
	struct place place;
	bool *taken = calloc(num_actors, sizeof(*taken));
	int i, num = 0;
	char *holders;

	if (!taken)
		err(EXIT_FAILURE, "%d tasks", num_actors);
	each_process(see_threads_taken, taken);
	find_place(&place, 0);
	for (i = 1; i < num_actors; i++) {
		if (!taken[i] || ++num > SHOWN)
			continue;
		holders = pid_holders(key(&actor[i].task.pid), &place);
		fprintf(stderr, "restart: pid %d, of %s, is in use\n%s",
			key(&actor[i].task.pid), i < num_recorded ? printable(actor[i].task.comm) :
			"the leader that a session or process group had lost",
			holders ? holders : "");
		free(holders);
	}
	if (num > SHOWN)
		fprintf(stderr, "restart: and %d more pids are in use\n", num - SHOWN);
	if (num)
		exit(EXIT_IMPOSSIBLE);
	free(taken);
}

/* Exits as the root does; a signal ends the whole tree. */
static void __noreturn stay(pid_t root, const sigset_t *set)
{
	siginfo_t info;
	int status;
	pid_t pid;

	for (;;) {
		if (sigwaitinfo(set, &info) < 0) {
			if (errno == EINTR)
				continue;
			err(EXIT_FAILURE, "sigwaitinfo");
		}
		if (info.si_signo != SIGCHLD) {
			undo();
			exit(128 + info.si_signo);
		}
		/* Orphans of the tree come here, too. */
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == root)
				exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status));
	}
}

static void __noreturn misused(const char *what)
{
	fprintf(stderr, "restart: %s\nTry 'restart --help'.\n", what);
	exit(EXIT_USAGE);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help",	no_argument, NULL, 'h' },
		{ "detach",	no_argument, NULL, 'd' },
		{ "dry-run",	no_argument, NULL, 'n' },
		{ }
	};
	bool detach = false, dry_run = false;
	struct status st;
	struct tree tree;
	sigset_t set;
	int c, i;

	while ((c = getopt_long(argc, argv, "hdn", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'd':
			detach = true;
			break;
		case 'n':
			dry_run = true;
			break;
		default:
			fputs("Try 'restart --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (detach && dry_run)
		misused("-d and -n do not go together");
	if (argc - optind != 1)
		misused(optind == argc ? "which FILE?" : "one FILE only");

	tree_read(&tree, argv[optind]);
	make_plan(&tree);
	if (dry_run) {
		for (i = 0; i < num_steps; i++) {
			print_step(stdout, &step[i]);
			putchar('\n');
		}
		close_stdout();
		return 0;
	}
	need_own_proc();
	check_kernel(&tree);
	if (base >= 0)
		check_pids();

	stage = mmap(NULL, sizeof(*stage) + num_actors * sizeof(stage->actor[0]),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");

	/* An ignored SIGCHLD would be inherited, and leave no zombies. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (i = 0; i < NUM_ENDING; i++)
		sigaddset(&set, ending[i]);
	sigprocmask(SIG_BLOCK, &set, &old_mask);
	prctl(PR_SET_CHILD_SUBREAPER, 1);

	for (i = 1; i <= num_steps; i++) {
		int error = direct(i);

		if (error)
			failed(i, error);
	}
	/* A zombie has reported before it was one. */
	for (i = 1; i < num_recorded; i++)
		while (actor[i].task.kind == ZOMBIE && !read_actor(&st, i) && st.state != 'Z')
			usleep(1000);

	printf("%d\n", stage->actor[1].pid);
	if (fflush(stdout)) {
		warn("cannot write the root's pid to standard output");
		if (detach) {	/* nobody would know whom to wait for, or kill */
			undo();
			return EXIT_FAILURE;
		}
	}
	if (detach)
		return 0;
	stay(stage->actor[1].pid, &set);
}
