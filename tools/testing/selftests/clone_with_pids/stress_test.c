// SPDX-License-Identifier: GPL-2.0
/*
 * Many tasks that ask for overlapping sets of pids, at 1, 4 and 33 levels of
 * one lineage of pid namespaces, from within and from above, with forks,
 * threads, zombies, late failures and dying namespaces around them:
 *
 *   0      1              3              32
 *   test   init --> ... init --> ...   init
 *   racer               racer          racer    from within
 *   racer, racer, racer . . . . . . . . . . .   from above
 *   destroyer           destroyer               make namespaces below and kill
 *                                               them while children are born
 *                       founder        founder  make namespaces without init,
 *                                               for others to enter
 *
 * Each call is written down, with the times on a common clock at which it began
 * and ended, and at which its child was let go and was gone. When all racers
 * have paused, one of them judges:
 *
 *  - no number was held by two children at once;
 *  - whoever was told EBUSY asked for a number that a child held, or may just
 *    have held, during the call. A call that was refused, or whose pidfd could
 *    not be stored, holds nothing: if it was in the way of another, that one met
 *    a ghost.
 *
 * Where all ask for one number and none lets go before all have asked, exactly
 * one must have got it. In a namespace that only one task forks into, it knows
 * what the next pid is to be. Without an init, nobody but pid 1 may be born, and
 * nobody at all below a dead namespace. When all are gone, every number must be
 * free.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../kselftest.h"
#include "call.h"
#include "child.h"
#include "namespaces.h"
#include "proc.h"
#include "util.h"

/*
 * The numbers that are asked for, in each namespace: below RESERVED_PIDS (300),
 * where the kernel does not pick any, see pass_reserved_pids().
 */
enum {
	HELD,			/* by a process, for good */
	ZOMBIE,			/* by one that has exited */
	CONTESTED,		/* asked for by all */
	OWN = CONTESTED + 3,	/* and one for each task, for its own use */
};

#define MAX_TASKS	96
#define MAX_NUMBERS	(OWN + MAX_TASKS)
#define ANY		(-1)		/* none of them: the kernel picks */

#define CHILDREN	"/proc/self/ns/pid_for_children"

#define CALLS		32		/* of a racer, between two pauses */
#define ENTRANTS	2		/* into a founder's namespace */
#define ATTEMPTS	48		/* that each of these makes at most, */
#define LAST_ATTEMPTS	4		/* when all is dead */
#define NOT_PICKED	200		/* in a founder's namespaces */
#define SWEEP		250		/* how many pids to look for in the end */
#define EXTRA_MS	30000		/* when not all has happened in time */
#define HANG_SECONDS	45		/* then something is stuck */
#define TELL_MS		30000		/* how often to tell how it goes */

/* What must have happened. The first ones are as enum kind below. */
enum event {
	ROUNDS_FOR_ONE, OTHER_ROUNDS, FREE_RUNS, GHOST_RUNS,
	WON, LOST, ASKED_IN_VAIN, FAILED_LATE,
	FORKS, THREADS, ZOMBIES, NSPIDS_READ, CURSORS_READ,
	NAMESPACES, BORN_BEFORE, REFUSED_BY_DEAD,
	FIRST_FAILED, FIRST_KILLED, INITS_OF_OTHERS, REFUSED_FOR_INIT, BEHIND_INIT,
	DEAD_BEFORE_INIT, DEAD_AFTER_INIT, REFUSED_BELOW_DEAD,
	NR_EVENTS
};

static const char *const events[] = {
	[ROUNDS_FOR_ONE]	= "rounds for one number, with one winner each",
	[OTHER_ROUNDS]		= "rounds for overlapping sets",
	[FREE_RUNS]		= "runs of calls at will",
	[GHOST_RUNS]		= "runs of one for its own, all others in vain for these",
	[WON]			= "calls that got the numbers they asked for",
	[LOST]			= "calls that got EBUSY for what another had got",
	[ASKED_IN_VAIN]		= "calls that got EBUSY for what is held for good",
	[FAILED_LATE]		= "calls that failed late, with numbers that others want",
	[FORKS]			= "forks without a choice",
	[THREADS]		= "threads with chosen pids",
	[ZOMBIES]		= "zombies that held numbers in a round",
	[NSPIDS_READ]		= "children asked for all of their pids",
	[CURSORS_READ]		= "forks after failures that got the very next pid",
	[NAMESPACES]		= "namespaces destroyed",
	[BORN_BEFORE]		= "children born into them meanwhile",
	[REFUSED_BY_DEAD]	= "calls that found them dead",
	[FIRST_FAILED]		= "first forks of a namespace's maker, all failed late",
	[FIRST_KILLED]		= "others who entered, and were killed in their first fork",
	[INITS_OF_OTHERS]	= "inits born to others who had entered",
	[REFUSED_FOR_INIT]	= "calls that got EINVAL for want of an init",
	[BEHIND_INIT]		= "children born when there was one",
	[DEAD_BEFORE_INIT]	= "older namespaces killed before there was one",
	[DEAD_AFTER_INIT]	= "and when there was one",
	[REFUSED_BELOW_DEAD]	= "calls below, after the older one's init was reaped",
};

/* What must not. */
enum fault {
	TWO_WINNERS, GHOST, WRONG_RESULT, WRONG_PIDS, CURSOR_MOVED, PID_LOST,
	NO_INIT, BORN_DEAD,
	NR_FAULTS
};

static const char *const faults[] = {
	[TWO_WINNERS]	= "one winner for each number",
	[GHOST]		= "no call refused for a number that nobody had",
	[WRONG_RESULT]	= "no other result",
	[WRONG_PIDS]	= "children are called what was asked for",
	[CURSOR_MOVED]	= "failed calls use up no pids",
	[PID_LOST]	= "no pid lost",
	[NO_INIT]	= "nobody but pid 1 in a namespace without init",
	[BORN_DEAD]	= "nobody born below a dead namespace",
};

/* One call of a racer. */
struct op {
	unsigned int start, end;	/* of the call */
	unsigned int release, gone;	/* of the child, if there was one */
	int rc;
	signed char pick[MAX_LEVELS];	/* which of the numbers, at each level */
};

struct task {
	int nr;
	int level;			/* of its children */
	int home;			/* its own level */
	unsigned int random;
	struct clone_stack stack, thread_stack;

	/* between it and its child */
	const struct any_set *set;
	struct op *op;
	bool asks;			/* for the child's pids, */
	struct nspid ids;		/* these, */
	atomic_bool told;		/* when it has written them down */
	bool stays;

	/* a racer's calls since the last pause */
	int nr_ops;
	struct op ops[CALLS];

	/* a destroyer's namespace, and its partner */
	int namespace;			/* as an open file */
	pid_t init;
	unsigned int partners_random;
	struct clone_stack init_stack, partner_stack, own_kids[5], partners_kids[5];
};

enum kind { ROUND_FOR_ONE, OTHER_ROUND, FREE_RUN, GHOST_RUN, STOP };

static struct world {
	pthread_barrier_t barrier;
	atomic_uint clock;
	atomic_uint happened[NR_EVENTS];
	atomic_uint wrong[NR_FAULTS];
	atomic_bool stop;

	/* what the racers are to do next */
	enum kind kind;
	int level, pick;		/* the one number of a round */
	const struct task *haunted;	/* the one of a ghost run */
	atomic_bool haunted_is_done;

	struct task tasks[];
} *world;

static int nr_racers = 8, nr_destroyers, nr_founders;
static int nr_numbers;
static pid_t numbers[MAX_LEVELS][MAX_NUMBERS];
static int namespaces[MAX_LEVELS];		/* as open files */
static long long begin, seconds = 3;

static void happens(enum event event)
{
	world->happened[event]++;
}

/* May be called with hardly any stack, and by several in one address space. */
static __attribute__((format(printf, 2, 3)))
void fault(enum fault fault, const char *fmt, ...)
{
	char text[512];
	va_list args;

	if (world->wrong[fault]++ >= 3)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "# after %lld ms: not \"%s\": %s\n",
		now_ms() - begin, faults[fault], text);
}

static unsigned int below(unsigned int *random, unsigned int n)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random % n;
}

static bool one_in(struct task *me, unsigned int n)
{
	return !below(&me->random, n);
}

/* Where the caller's children are born from now on: @fd is a namespace or an init. */
static void be_born_in(int fd)
{
	if (setns(fd, CLONE_NEWPID))
		fault(WRONG_RESULT, "setns() fails");
}

static unsigned int stamp(void)
{
	return world->clock++;
}

static void choose_none(struct op *op)
{
	memset(op->pick, ANY, sizeof(op->pick));
}

/* More often than not it is a level that many have. */
static int choose_level(struct task *me)
{
	int level = one_in(me, 2) ? 3 : me->level;

	return below(&me->random, (level < me->level ? level : me->level) + 1);
}

static int own(const struct task *me)
{
	return OWN + me->nr;
}

/* At some levels, or at all. */
static void choose_own(struct task *me, struct op *op)
{
	const bool all = one_in(me, 2);
	int i;

	for (i = 0; i <= me->level; i++)
		if (all || one_in(me, 4))
			op->pick[i] = own(me);
}

static void choose_contested(struct task *me, struct op *op)
{
	int n = 1 + below(&me->random, 2);

	choose_own(me, op);
	while (n--)
		op->pick[choose_level(me)] = CONTESTED + below(&me->random, 3);
}

/* What others want, beside a number that cannot be had. */
static void choose_in_vain(struct task *me, struct op *op)
{
	int i, n = 1 + below(&me->random, 4);

	for (i = 0; i <= me->level; i++)
		if (n == 4 || one_in(me, 8))
			op->pick[i] = OWN + below(&me->random, nr_numbers - OWN);
	while (n--)
		op->pick[choose_level(me)] = CONTESTED + below(&me->random, 3);
	op->pick[choose_level(me)] = one_in(me, 2) ? HELD : ZOMBIE;
}

static void choose_any(struct task *me, struct op *op)
{
	switch (below(&me->random, 7)) {
	case 0:
		break;
	case 1:
		choose_own(me, op);
		break;
	case 2:
	case 3:
		choose_in_vain(me, op);
		break;
	default:
		choose_contested(me, op);
	}
}

static bool asks_for(const struct op *op, int first, int last)
{
	int i;

	for (i = 0; i < MAX_LEVELS; i++)
		if (op->pick[i] >= first && op->pick[i] <= last)
			return true;
	return false;
}

static bool is_in_vain(const struct op *op)
{
	return asks_for(op, HELD, ZOMBIE);
}

/* Sets that begin with no choice may as well be shorter. */
static struct any_set make_set(struct task *me, const struct op *op)
{
	const bool shorten = one_in(me, 2);
	struct any_set set = {};
	int i;

	for (i = 0; i <= me->level; i++) {
		int pick = op->pick[i];

		if (shorten && !set.num_pids && pick == ANY)
			continue;
		set.pids[set.num_pids++] = pick == ANY ? 0 : numbers[i][pick];
	}
	return set;
}

/* Racers */

static int child(struct start *sp)
{
	struct task *me = sp->arg;

	if (me->asks)
		me->ids = read_nspid("/proc/thread-self/status");
	atomic_store(&me->told, true);
	while (me->stays)
		syscall(SYS_pause);
	return 0;
}

static int call(struct task *me, unsigned long flags, struct clone_stack *stack,
		int *parent_tid)
{
	struct op *op = me->op;

	op->start = stamp();
	op->rc = clone_on_stack(CHEAP | flags, stack, parent_tid, NULL, 0,
				me->set, child, me);
	op->end = stamp();
	return op->rc;
}

/* Becomes a zombie with a live thread, or exits if it cannot have one. */
static int thread_leader(struct start *sp)
{
	struct task *me = sp->arg;

	call(me, CLONE_THREAD, &me->thread_stack, NULL);
	return 0;
}

static void check_pids(struct task *me, struct op *op)
{
	int i, wrong = ANY;

	if (op->pick[me->home] != ANY &&
	    op->rc != numbers[me->home][op->pick[me->home]])
		fault(WRONG_PIDS, "asked for %d at level %d, and %d was returned",
		      numbers[me->home][op->pick[me->home]], me->home, op->rc);
	if (!me->asks)
		return;
	while (!atomic_load(&me->told))
		sched_yield();
	happens(NSPIDS_READ);
	for (i = 0; i <= me->level; i++)
		if (op->pick[i] != ANY && me->ids.pid[i] != numbers[i][op->pick[i]])
			wrong = i;
	if (me->ids.n != me->level + 1)
		fault(WRONG_PIDS, "%d levels, and the child has %d pids",
		      me->level + 1, me->ids.n);
	else if (me->ids.pid[me->home] != op->rc)
		fault(WRONG_PIDS, "the child is called %d, and %d was returned",
		      me->ids.pid[me->home], op->rc);
	else if (wrong != ANY)
		fault(WRONG_PIDS, "asked for %d at level %d, and the child is called %d there",
		      numbers[wrong][op->pick[wrong]], wrong, me->ids.pid[wrong]);
}

/* Makes a call with what was chosen: the process to let go of, or 0. */
static pid_t ask(struct task *me, struct op *op)
{
	const bool chosen = asks_for(op, 0, MAX_NUMBERS);
	const struct any_set set = make_set(me, op);
	pid_t pid = 0;

	me->op = op;
	me->set = chosen || one_in(me, 2) ? &set : NULL;
	me->asks = one_in(me, 4);
	me->told = false;
	/* The thread of another cannot be made in other namespaces. */
	if (chosen && me->home == me->level && world->kind != GHOST_RUN &&
	    one_in(me, 4)) {
		me->stays = true;
		op->rc = 0;
		pid = clone_on_stack(CHEAP | CLONE_VFORK | SIGCHLD, &me->stack,
				     NULL, NULL, 0, NULL, thread_leader, me);
		if (pid < 0)
			fault(WRONG_RESULT, "a fork fails: %s", strerror(-pid));
		if (op->rc > 0)
			happens(THREADS);
		else if (pid > 0)
			wait_exit(pid);
	} else {
		me->stays = one_in(me, 2);
		pid = call(me, SIGCHLD, &me->stack, NULL);
	}

	if (op->rc > 0) {
		happens(chosen ? WON : FORKS);
		check_pids(me, op);
		if (is_in_vain(op))
			fault(TWO_WINNERS, "one got what is held for good");
		return pid;
	}
	if (op->rc != -EBUSY || !chosen)
		fault(WRONG_RESULT, "%s, with %u pids chosen", strerror(-op->rc),
		      me->set ? me->set->num_pids : 0);
	else
		happens(is_in_vain(op) ? ASKED_IN_VAIN : LOST);
	return 0;
}

/*
 * Newer kernels free the tid of a thread a moment after its process can be
 * waited for. F_SETOWN tells a number that nothing uses (ESRCH) from one that
 * is still there without a task. Another may have taken it by then: that is no
 * reason to wait for ever.
 */
static void await_free(pid_t tid)
{
	int tries = 1000;

	while (tries-- && !fcntl(STDOUT_FILENO, F_SETOWN, tid))
		sched_yield();
	fcntl(STDOUT_FILENO, F_SETOWN, 0);
}

static void let_child_go(struct task *me, struct op *op, pid_t pid)
{
	siginfo_t info = {};

	op->release = stamp();
	if (pid > 0) {
		if (world->kind < FREE_RUN && asks_for(op, 0, MAX_NUMBERS) &&
		    !waitid(P_PID, pid, &info, WEXITED | WNOWAIT | WNOHANG) &&
		    info.si_pid)
			happens(ZOMBIES);
		if (me->stays)
			kill(pid, SIGKILL);
		wait_exit(pid);
		if (op->rc > 0 && op->rc != pid)	/* a thread */
			await_free(op->rc);
	}
	op->gone = stamp();
}

/*
 * What others want: it is never taken. When it is in use, that may be found
 * before the pidfd is stored.
 */
static void fail_late(struct task *me, struct op *op)
{
	const struct any_set set = make_set(me, op);

	me->op = op;
	me->set = &set;
	call(me, CLONE_PIDFD | SIGCHLD, &me->stack, (int *)1);
	if (op->rc == -EFAULT)
		happens(FAILED_LATE);
	else if (op->rc != -EBUSY || !asks_for(op, 0, MAX_NUMBERS))
		fault(WRONG_RESULT, "%s where EFAULT was to come late",
		      strerror(-op->rc));
	op->release = stamp();
	op->gone = op->release;
}

static void take_part(struct task *me)
{
	struct op *op = me->ops;
	pid_t pid;

	choose_none(op);
	if (world->kind == OTHER_ROUND) {
		choose_contested(me, op);
	} else if (me->level >= world->level) {
		choose_own(me, op);
		op->pick[world->level] = world->pick;
	}
	pid = ask(me, op);
	pthread_barrier_wait(&world->barrier);
	let_child_go(me, op, pid);
	me->nr_ops = 1;
}

static void run_free(struct task *me)
{
	for (me->nr_ops = 0; me->nr_ops < CALLS; me->nr_ops++) {
		struct op *op = &me->ops[me->nr_ops];
		int linger = below(&me->random, 8);
		pid_t pid;

		choose_none(op);
		choose_any(me, op);
		if (one_in(me, 8)) {
			fail_late(me, op);
			continue;
		}
		pid = ask(me, op);
		while (op->rc > 0 && linger--)
			sched_yield();
		let_child_go(me, op, pid);
	}
}

/*
 * One asks for its own numbers, again and again. All others ask for the same
 * ones, and first or last for one that cannot be had, or have nowhere to put
 * the pidfd. They must not be in its way, and have nothing to be judged by but
 * their results.
 */
static void run_for_ghosts(struct task *me)
{
	struct op *op = me->ops;
	int i;

	me->nr_ops = 0;
	do {
		choose_none(op);
		for (i = 0; i <= me->level; i++)
			op->pick[i] = own(world->haunted);
		if (me == world->haunted) {
			me->nr_ops++;
		} else if (one_in(me, 2)) {
			fail_late(me, op);
			continue;
		} else {
			op->pick[one_in(me, 2) ? 0 : me->level] = HELD;
		}
		let_child_go(me, op, ask(me, op));
		if (me == world->haunted && me->nr_ops == CALLS)
			atomic_store(&world->haunted_is_done, true);
		op = &me->ops[me->nr_ops % CALLS];
	} while (!atomic_load(&world->haunted_is_done));
}

/* Did the two ask for the same number somewhere? */
static bool overlap(const struct op *a, const struct op *b)
{
	int i;

	for (i = 0; i < MAX_LEVELS; i++)
		if (a->pick[i] != ANY && a->pick[i] == b->pick[i])
			return true;
	return false;
}

static void judge_call(const struct task *me, const struct op *op)
{
	bool explained = is_in_vain(op);
	const struct task *other;
	const struct op *o;
	char text[256];
	int i, len = 0;

	if (op->rc <= 0 && op->rc != -EBUSY)
		return;
	for (other = world->tasks; other < world->tasks + nr_racers; other++) {
		for (o = other->ops; o < other->ops + other->nr_ops; o++) {
			if (other == me || o->rc <= 0 ||
			    o->start > op->gone || op->start > o->gone)
				continue;
			if (op->rc == -EBUSY && o->start < op->end)
				explained |= overlap(op, o);
			if (op->rc > 0 && other < me && o->end < op->release &&
			    op->end < o->release && overlap(op, o))
				fault(TWO_WINNERS, "racers %d and %d had one number at once",
				      me->nr, other->nr);
		}
	}
	if (op->rc > 0 || explained)
		return;
	for (i = 0; i <= me->level && len < sizeof(text) - 20; i++)
		if (op->pick[i] != ANY)
			len += sprintf(text + len, " %d:%d", i, numbers[i][op->pick[i]]);
	fault(GHOST, "racer %d, of %d levels, asked for (level:number)%s",
	      me->nr, me->level + 1, text);
}

static void judge(void)
{
	const struct task *t;
	int i, winners = 0;

	for (t = world->tasks; t < world->tasks + nr_racers; t++) {
		for (i = 0; i < t->nr_ops; i++)
			judge_call(t, &t->ops[i]);
		winners += t->level >= world->level && t->ops->rc > 0;
	}
	if (world->kind == ROUND_FOR_ONE && winners != 1)
		fault(TWO_WINNERS, "%d winners in a round", winners);
	happens(ROUNDS_FOR_ONE + world->kind);
}

static bool all_has_happened(void)
{
	int i;

	for (i = 0; i < NR_EVENTS; i++)
		if (!world->happened[i])
			return false;
	return true;
}

static void tell(void)
{
	static long long next = TELL_MS;
	const long long now = now_ms() - begin;

	if (now < next)
		return;
	next += TELL_MS;
	dprintf(STDOUT_FILENO, "# %lld s: %u calls won, %u lost, %u in vain, %u namespaces destroyed\n",
		now / 1000, world->happened[WON], world->happened[LOST],
		world->happened[ASKED_IN_VAIN], world->happened[NAMESPACES]);
}

/* The first racer says what is done next, and judges what was done. */
static void plan(struct task *me)
{
	const long long left = begin + seconds * 1000 - now_ms();
	int i;

	tell();
	world->clock = 0;
	world->kind = below(&me->random, one_in(me, 4) ? STOP : FREE_RUN);
	if (left < -EXTRA_MS || (left < 0 && all_has_happened()))
		world->kind = STOP;
	for (i = 0; i < NR_FAULTS; i++)
		if (world->wrong[i])
			world->kind = STOP;
	world->level = below(&me->random, 3) * 16;
	if (world->level == 16)
		world->level = below(&me->random, 4);
	world->pick = CONTESTED + below(&me->random, 3);
	world->haunted = &world->tasks[below(&me->random, nr_racers)];
	world->haunted_is_done = false;
}

static void race(struct task *me)
{
	for (;;) {
		if (!me->nr)
			plan(me);
		pthread_barrier_wait(&world->barrier);
		if (world->kind == STOP)
			return;
		if (world->kind == GHOST_RUN)
			run_for_ghosts(me);
		else if (world->kind == FREE_RUN)
			run_free(me);
		else
			take_part(me);
		pthread_barrier_wait(&world->barrier);
		if (!me->nr)
			judge();
	}
}

/* Destroyers */

static int only_child(struct start *sp)
{
	struct task *me = sp->arg;

	me->ids.pid[0] = syscall(SYS_getpid);
	return 0;
}

/*
 * Nobody else forks into the namespace yet: the kernel picks 2 and what
 * follows, whatever fails in between.
 */
static void watch_cursor(struct task *me)
{
	bool failed = false;
	pid_t next = 2;
	int step;

	for (step = 0; step < 12; step++) {
		struct any_set set = { .num_pids = me->level + 2 };
		const bool chosen = one_in(me, 3);
		int level = below(&me->random, me->level + 1);
		unsigned long flags = CHEAP | CLONE_VFORK | SIGCHLD;
		int *parent_tid = NULL;
		int rc, expected = 0;

		if (chosen)
			set.pids[me->level + 1] = 200;
		switch (below(&me->random, 3)) {
		case 0:
			set.pids[level] = numbers[level][HELD];
			expected = -EBUSY;
			break;
		case 1:
			flags |= CLONE_PIDFD;
			parent_tid = (int *)1;
			expected = -EFAULT;
			break;
		}
		rc = clone_on_stack(flags, &me->stack, parent_tid, NULL, 0, &set,
				    only_child, me);
		if (rc < 0 ? rc != expected : expected)
			fault(WRONG_RESULT, "%d in a new namespace, not %d",
			      rc, expected);
		if (rc < 0)
			failed = true;
		if (rc <= 0)
			continue;
		wait_exit(rc);
		if (chosen)
			continue;
		if (me->ids.pid[0] != next)
			fault(CURSOR_MOVED, "%d was next in a new namespace, and a fork got %d",
			      next, me->ids.pid[0]);
		else if (failed)
			happens(CURSORS_READ);
		next = me->ids.pid[0] + 1;
		failed = false;
	}
}

/* Up to @n children into the namespace, the first ones to stay, until it dies. */
static void fill(struct task *me, unsigned int *random, struct clone_stack *kids,
		 unsigned int n)
{
	struct any_set set = { .num_pids = 1 };
	unsigned int i;
	int rc;

	for (i = 0; i < n; i++) {
		const bool stays = i < 4;

		set.pids[0] = below(random, 2) ? 60 + below(random, 4) : 0;
		rc = clone_on_stack(CHEAP | (stays ? 0 : CLONE_VFORK) | SIGCHLD,
				    &kids[stays ? i : 4], NULL, NULL, 0, &set,
				    stays ? stay : exit_at_once, NULL);
		if (rc == -ENOMEM) {
			happens(REFUSED_BY_DEAD);
			return;
		}
		if (rc == -EBUSY && set.pids[0])
			continue;
		if (rc < 0) {
			fault(WRONG_RESULT, "%s in a dying namespace",
			      strerror(-rc));
			return;
		}
		happens(BORN_BEFORE);
		if (!stays)
			wait_exit(rc);
	}
}

static void reap_all(void)
{
	while (waitpid(-1, NULL, __WALL) > 0)
		;
}

static int partner(struct start *sp)
{
	struct task *me = sp->arg;

	be_born_in(me->namespace);
	fill(me, &me->partners_random, me->partners_kids,
	     below(&me->partners_random, 12));
	kill(me->init, SIGKILL);
	reap_all();
	return 0;
}

/*
 *   home     new
 *   me . . . children
 *   partner  children
 *        `-> init       killed by the partner, which no longer waits for me
 */
static void destroy(struct task *me)
{
	while (!atomic_load(&world->stop)) {
		struct any_set set;
		struct op op;
		int rc, init;

		choose_none(&op);
		choose_own(me, &op);
		set = make_set(me, &op);
		/*
		 * An init that dies ignores SIGCHLD, to have no zombies. That
		 * is not to be shared: what is reaped here is gone.
		 */
		me->init = clone_on_stack((CHEAP & ~CLONE_SIGHAND) |
					  CLONE_NEWPID | CLONE_PIDFD | SIGCHLD,
					  &me->init_stack, &init, NULL, 0,
					  &set, stay, NULL);
		if (me->init < 0) {
			fault(me->init == -EBUSY ? GHOST : WRONG_RESULT,
			      "%s for a new namespace, with one's own numbers",
			      strerror(-me->init));
			return;
		}
		be_born_in(init);
		close(init);
		/* It can be gone to when the init is dead. */
		me->namespace = open(CHILDREN, O_RDONLY | O_CLOEXEC);
		watch_cursor(me);
		be_born_in(namespaces[me->level]);
		rc = clone_on_stack(CHEAP | SIGCHLD, &me->partner_stack, NULL,
				    NULL, 0, NULL, partner, me);
		if (rc < 0) {
			fault(WRONG_RESULT, "a fork fails: %s", strerror(-rc));
			return;
		}
		be_born_in(me->namespace);
		fill(me, &me->random, me->own_kids, UINT_MAX);
		be_born_in(namespaces[me->level]);
		reap_all();
		close(me->namespace);
		happens(NAMESPACES);
	}
}

/* Founders */

/* A call of one who has entered the young namespace. */
struct attempt {
	atomic_uint start;
	unsigned int end;
	int rc;
	pid_t asked;			/* in the young one; 0: for any */
	bool late;			/* there is nowhere to put the pidfd */
	bool doomed;			/* who makes the call is killed meanwhile */
	atomic_int nr;			/* what the child says it is called there */
};

struct entrant {
	int nr;
	unsigned int random;
	struct clone_stack stack, kids[2];
	pid_t init;			/* if it is a child of this one */
	int nr_attempts;
	struct attempt attempts[ATTEMPTS];
};

/*
 *   home         old         young
 *   me       --> elder                   init, killed by me
 *            --> maker . . . (nobody)    all of its forks fail
 *   entrants . . . . . . . . children    the first of which is init
 *   doomed . . . . . . . . . (child)     killed by me while it forks
 *
 * All share their memory. The times are on a clock of their own.
 */
static struct young {
	struct task *me;
	atomic_uint clock;
	atomic_int ns;			/* as an open file, or 0 */
	atomic_uint killed, reaped;	/* when elder was; 0: not yet */
	unsigned int makers_random;
	struct clone_stack elder_stack, maker_stack, no_stack;
	struct entrant entrants[ENTRANTS + 1];	/* the last one is doomed */
} young;

/*
 * What nobody else has, or tries to have: but for 1 in the young namespace, and
 * for the maker, who asks for the numbers of all. In the namespaces that are
 * new, the kernel picks up to (ENTRANTS + 1) * ATTEMPTS + 2.
 */
static struct any_set young_set(unsigned int *random, int nr, bool own_ones,
				pid_t *asked)
{
	const pid_t choice[] = { 0, 0, 1, NOT_PICKED + nr };
	const int youngest = young.me->level + 2;
	struct any_set set = { .num_pids = below(random, youngest + 2) };
	int i, level;

	for (i = 0; i < set.num_pids; i++) {
		level = youngest + 1 - (int)set.num_pids + i;
		if (level == youngest)
			set.pids[i] = choice[below(random, ARRAY_SIZE(choice))];
		else if (own_ones && below(random, 2))
			set.pids[i] = level == youngest - 1 ? NOT_PICKED + nr :
				      nr ? 0 : numbers[level][own(young.me)];
	}
	*asked = i ? set.pids[i - 1] : 0;
	return set;
}

static int make_young(struct start *sp)
{
	struct any_set set;
	pid_t asked;
	int rc;

	if (unshare(CLONE_NEWPID))
		fault(WRONG_RESULT, "unshare() fails");
	young.ns = ns_for_children(syscall(SYS_getpid));
	while (!young.reaped) {		/* it is killed before */
		set = young_set(&young.makers_random,
				below(&young.makers_random, ENTRANTS), true, &asked);
		rc = clone_on_stack(CHEAP | CLONE_PIDFD | SIGCHLD,
				    &young.no_stack, (int *)1, NULL, 0, &set,
				    exit_at_once, NULL);
		if (rc == -EFAULT)
			happens(FIRST_FAILED);
		else if (rc != -EBUSY && (rc != -EINVAL || asked <= 1))
			fault(WRONG_RESULT, "%d where EFAULT was to come late, asked for %d",
			      rc, asked);
	}
	return 0;
}

static int newborn(struct start *sp)
{
	struct attempt *a = sp->arg;

	a->nr = syscall(SYS_getpid);
	return a->nr == 1 ? stay(sp) : 0;
}

static int attempt(struct entrant *me)
{
	struct attempt *a = &me->attempts[me->nr_attempts++];
	const struct any_set set = young_set(&me->random, me->nr, !me->init,
					     &a->asked);
	pid_t gone;

	a->nr = 0;
	a->doomed = false;
	a->late = !below(&me->random, 4);
	a->start = young.clock++;
	/* Its own signal handlers: it may be an init, see destroy(). */
	a->rc = clone_on_stack((CHEAP & ~CLONE_SIGHAND) | SIGCHLD |
			       (a->late ? CLONE_PIDFD : 0),
			       &me->kids[!!me->init], a->late ? (int *)1 : NULL,
			       NULL, 0, set.num_pids ? &set : NULL, newborn, a);
	a->end = young.clock++;
	if (a->rc <= 0)
		return a->rc;
	if (young.reaped)
		kill(a->rc, SIGKILL);
	do
		gone = waitpid(a->rc, NULL, WNOHANG | __WALL);
	while (!gone && a->nr != 1 && !sched_yield());
	if (!gone)
		me->init = a->rc;
	return a->rc;
}

static int enter(struct start *sp)
{
	struct entrant *me = sp->arg;
	int i;

	be_born_in(young.ns);
	for (i = 0; i < ATTEMPTS - LAST_ATTEMPTS; i++)
		if (attempt(me) == -ENOMEM)
			break;
	reap_all();
	while (!young.reaped)
		sched_yield();
	for (i = 0; i < LAST_ATTEMPTS; i++)
		attempt(me);
	return 0;
}

static int fork_once(struct start *sp)
{
	struct entrant *me = sp->arg;
	struct attempt *a = &me->attempts[me->nr_attempts - 1];

	be_born_in(young.ns);
	a->start = young.clock++;
	clone_on_stack((CHEAP & ~CLONE_SIGHAND) | SIGCHLD, me->kids, NULL, NULL,
		       0, NULL, newborn, a);
	return 0;
}

static bool has_init(void)
{
	return ioctl(young.ns, NS_GET_PID_FROM_PIDNS, 1) > 0;
}

/*
 * Being killed is what makes a fork fail when its pids are taken. Whether it
 * has failed shows when nobody is pid 1 then. If somebody is, it may be another.
 */
static void doom_one(struct task *me)
{
	struct entrant *e = &young.entrants[ENTRANTS];
	struct attempt *a = &e->attempts[e->nr_attempts++];
	int linger = below(&me->random, 2) ? below(&me->random, 2000) : 0;
	pid_t pid;

	*a = (struct attempt){ .doomed = true };
	pid = clone_on_stack(CHEAP | SIGCHLD, &e->stack, NULL, NULL, 0, NULL,
			     fork_once, e);
	if (pid < 0) {
		fault(WRONG_RESULT, "a fork fails: %s", strerror(-pid));
		return;
	}
	while (!a->start)
		sched_yield();
	while (linger--)
		atomic_load(&young.clock);
	kill(pid, SIGKILL);
	wait_exit(pid);
	a->rc = has_init() ? 1 : -EINTR;
	a->end = young.clock++;
	if (a->rc < 0)
		happens(FIRST_KILLED);
}

static struct attempt *next_attempt(struct attempt *a)
{
	struct entrant *e = young.entrants;

	if (a) {
		while (a < e->attempts || a >= e->attempts + ATTEMPTS)
			e++;
		if (++a < e->attempts + e->nr_attempts)
			return a;
		e++;
	}
	for (; e <= young.entrants + ENTRANTS; e++)
		if (e->nr_attempts)
			return e->attempts;
	return NULL;
}

/*
 * Was @a's namespace one with an init, or was one about to be born, before @a
 * came to its end? Who was killed at once could not say which pid it had. And
 * a call that failed at the last moment had pid 1 for a while.
 */
static bool may_have_init(const struct attempt *a, bool had_pid)
{
	struct attempt *o = NULL;

	while ((o = next_attempt(o)))
		if (o != a && o->start < a->end &&
		    (o->rc > 0 ? o->nr <= 1 :
		     had_pid && (o->rc == -ENOMEM || o->rc == -EINTR)))
			return true;
	return false;
}

static const char *wrong_attempt(const struct attempt *a, const struct attempt *init,
				 enum fault *fault)
{
	const bool gone = young.reaped < a->start;

	*fault = WRONG_RESULT;
	if (a->doomed && a->rc < 0)
		return NULL;
	if (a->rc > 0) {
		if (a->late)
			return "a pidfd that has nowhere to go";
		if (a->asked && a->nr && a->nr != a->asked)
			return "another pid than asked for";
		*fault = BORN_DEAD;
		if (gone)
			return "born below a dead namespace";
		*fault = NO_INIT;
		return a->nr <= 1 || may_have_init(a, false) ? NULL :
		       "born before init";
	}
	switch (a->rc) {
	case -EFAULT:
		return a->late ? NULL : "EFAULT";
	case -EINVAL:
		if (init && init->end < a->start)
			return "EINVAL, and there is an init";
		if (a->asked > 1 ||
		    (!a->asked && !a->late && may_have_init(a, true)))
			return NULL;
		return "EINVAL for who would be pid 1";
	case -EBUSY:
		*fault = GHOST;
		if (a->asked == 1 && !gone && may_have_init(a, true))
			return NULL;
		return "EBUSY";
	case -ENOMEM:
		return !a->late && young.killed < a->end ? NULL : "ENOMEM";
	default:
		return strerror(-a->rc);
	}
}

static void judge_young(void)
{
	struct attempt *a = NULL, *init = NULL;
	enum fault which;
	const char *wrong;

	while ((a = next_attempt(a))) {
		if (a->rc <= 0 || a->nr != 1)
			continue;
		if (init)
			fault(NO_INIT, "two inits");
		init = a;
	}
	while ((a = next_attempt(a))) {
		wrong = wrong_attempt(a, init, &which);
		if (wrong)
			fault(which, "%s: asked for %d in a namespace that has %s, got %d",
			      wrong, a->asked, init ? "an init now" : "no init", a->nr);
		else if (a->rc > 0 && a->nr > 1)
			happens(BEHIND_INIT);
		else if (a->rc == -EINVAL)
			happens(REFUSED_FOR_INIT);
		else if (a->rc == -ENOMEM && young.reaped < a->start)
			happens(REFUSED_BELOW_DEAD);
	}
	if (init)
		happens(INITS_OF_OTHERS);
	happens(init ? DEAD_AFTER_INIT : DEAD_BEFORE_INIT);
}

static bool found_one(struct task *me)
{
	struct entrant *e;
	pid_t elder, maker;
	unsigned int end;
	pid_t gone;
	int fd;

	young.ns = 0;
	young.clock = 1;
	young.killed = 0;
	young.reaped = 0;
	elder = clone_on_stack((CHEAP & ~CLONE_SIGHAND) | CLONE_NEWPID |
			       CLONE_PIDFD | SIGCHLD, &young.elder_stack, &fd,
			       NULL, 0, NULL, stay, NULL);
	if (elder < 0) {
		fault(WRONG_RESULT, "%s for a new namespace", strerror(-elder));
		return false;
	}
	be_born_in(fd);
	close(fd);
	maker = clone_on_stack(CHEAP | SIGCHLD, &young.maker_stack, NULL, NULL,
			       0, NULL, make_young, NULL);
	be_born_in(namespaces[me->level]);
	if (maker < 0) {
		fault(WRONG_RESULT, "%s in a new namespace", strerror(-maker));
		let_go(elder);
		return false;
	}
	while (!young.ns)
		sched_yield();

	young.entrants[ENTRANTS].nr_attempts = 0;
	end = below(&me->random, 8);
	while (end-- && !has_init())
		doom_one(me);
	for (e = young.entrants; e < young.entrants + ENTRANTS; e++) {
		e->init = 0;
		e->nr_attempts = 0;
		if (clone_on_stack(CHEAP | SIGCHLD, &e->stack, NULL, NULL, 0,
				   NULL, enter, e) < 0)
			fault(WRONG_RESULT, "a fork fails");
	}
	/* Some have no time for a single call, others have for almost all. */
	end = below(&me->random, ENTRANTS * ATTEMPTS);
	if (one_in(me, 2))
		end %= 8;
	while (young.clock < end) {
		if (e->nr_attempts == ATTEMPTS || has_init())
			sched_yield();
		else
			doom_one(me);
	}
	young.killed = young.clock++;
	kill(elder, SIGKILL);
	/* It goes when all below are reaped: maker, and a child of the doomed. */
	do
		gone = waitpid(-1, NULL, __WALL);
	while (gone > 0 && gone != elder);
	young.reaped = young.clock++;
	reap_all();
	close(young.ns);
	judge_young();
	return true;
}

static void found(struct task *me)
{
	struct entrant *e;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	young.me = me;
	young.makers_random = me->random + 2;
	for (e = young.entrants; e < young.entrants + ENTRANTS; e++) {
		e->nr = e - young.entrants;
		e->random = me->random + 4 + 2 * e->nr;
	}
	while (!atomic_load(&world->stop) && found_one(me))
		;
}

/* The whole */

static void start(int nr, unsigned int seed)
{
	static const int levels[] = { 0, 3, MAX_LEVELS - 1 };
	struct task *me = &world->tasks[nr];
	const bool founder = nr >= nr_racers + nr_destroyers;
	const bool destroyer = nr >= nr_racers && !founder;
	const int i = founder ? nr - nr_racers - nr_destroyers + 1 :
		      destroyer ? nr - nr_racers : nr;
	pid_t pid = fork();

	if (pid < 0)
		ksft_exit_fail_perror("fork");
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	me->nr = nr;
	me->random = (seed + nr) * 2654435761 | 1;
	me->partners_random = me->random + 2;
	me->level = levels[i % 3];
	/* There is to be room below. */
	if (nr >= nr_racers && me->level == MAX_LEVELS - 1)
		me->level -= founder ? 2 : 1;
	be_born_in(namespaces[me->level]);
	if (nr >= nr_racers || i / 3 % 2) {
		me->home = me->level;
		go_on_as_child();
	}
	if (founder)
		found(me);
	else if (destroyer)
		destroy(me);
	else
		race(me);
	if (!nr)
		atomic_store(&world->stop, true);
	_exit(0);
}

static int child_of_all_levels(const struct any_set *set)
{
	static struct clone_stack stack;
	int rc = clone_on_stack(CHEAP | SIGCHLD, &stack, NULL, NULL, 0, set,
				exit_at_once, NULL);

	if (rc > 0)
		wait_exit(rc);
	return rc;
}

static struct any_set same_at_all_levels(int pick)
{
	struct any_set set = { .num_pids = MAX_LEVELS };
	int i;

	for (i = 0; i < MAX_LEVELS; i++)
		set.pids[i] = numbers[i][pick];
	return set;
}

/* Are the numbers of all levels free? */
static bool numbers_are_free(void)
{
	bool all = true;
	int i, rc;

	for (i = 0; i < nr_numbers; i++) {
		const struct any_set set = same_at_all_levels(i);

		rc = child_of_all_levels(&set);
		if (rc < 0)
			fault(PID_LOST, "number %d of each level: %s", i,
			      strerror(-rc));
		all &= rc > 0;
	}
	return all;
}

/*
 * The last pids that the kernel picked, in all namespaces but the oldest, where
 * others may have them. The inits of the younger ones are not much above 1000.
 */
static void look_for_lost_pids(void)
{
	struct any_set set = { .num_pids = MAX_LEVELS };
	struct nspid last;
	int i, n, rc;

	spawn(0, NULL, &last);
	for (n = 0; n < SWEEP; n++) {
		for (i = 1; i < MAX_LEVELS; i++) {
			last.pid[i]--;
			set.pids[i] = last.pid[i] > 1100 ? last.pid[i] : 0;
		}
		rc = child_of_all_levels(&set);
		if (rc < 0)
			fault(PID_LOST, "%d behind the last at each level: %s",
			      n + 1, strerror(-rc));
	}
}

/* Our children's from the namespace of the caller's children on upwards. */
static void open_namespaces(void)
{
	int i;

	i = MAX_LEVELS - 1;
	namespaces[i] = open(CHILDREN, O_RDONLY | O_CLOEXEC);
	while (namespaces[i] >= 0 && i--)
		namespaces[i] = ioctl(namespaces[i + 1], NS_GET_PARENT);
	if (i >= 0)
		ksft_exit_fail_perror("namespaces");
}

static void find_numbers(void)
{
	char path[32];
	int i, level, nr = 300;

	nr_numbers = OWN + nr_racers + nr_destroyers + nr_founders;
	for (i = 0; i < nr_numbers; i++) {
		for (level = 1; level < MAX_LEVELS; level++)
			numbers[level][i] = 299 - i;
		do {
			snprintf(path, sizeof(path), "/proc/%d", --nr);
		} while (nr && !access(path, F_OK));
		if (!nr)
			ksft_exit_skip("%d pids below 300 are needed, %d are free\n",
				       nr_numbers, i);
		numbers[0][i] = nr;
	}
}

static void stuck(int sig)
{
	static const char text[] = "Bail out! stuck: the tasks do not come to an end\n";

	if (write(STDOUT_FILENO, text, strlen(text)))
		_exit(KSFT_FAIL);
}

static unsigned int number(const char *option, const char *text,
			   unsigned int min, unsigned int max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (!*text || *end || n < min || n > max) {
		fprintf(stderr, "stress_test: %s %s: a number from %u to %u is wanted\n",
			option, text, min, max);
		exit(KSFT_FAIL);
	}
	return n;
}

static void usage(int status)
{
	printf("usage: stress_test [-t SECONDS] [-j TASKS] [-s SEED]\n"
	       "  -t  how long to run (STRESS_SECONDS in the environment, or 3)\n"
	       "  -j  how many racers, from 6 to 64 (8); a destroyer and a founder for every 4\n"
	       "  -s  what their choices start from (random)\n");
	exit(status);
}

int main(int argc, char *argv[])
{
	const char *env = getenv("STRESS_SECONDS"), *missing;
	pthread_barrierattr_t attr;
	unsigned int seed = time(NULL) * 1000003 + getpid();
	struct any_set set;
	pid_t init, holder, zombie;
	int i, opt, status, nr_tasks;

	if (env)
		seconds = number("STRESS_SECONDS", env, 1, 1000000);
	while ((opt = getopt(argc, argv, "t:j:s:h")) != -1) {
		switch (opt) {
		case 't':
			seconds = number("-t", optarg, 1, 1000000);
			break;
		case 'j':
			nr_racers = number("-j", optarg, 6, 64);
			break;
		case 's':
			seed = number("-s", optarg, 0, UINT_MAX);
			break;
		default:
			usage(opt == 'h' ? KSFT_SKIP : KSFT_FAIL);
		}
	}
	nr_destroyers = nr_racers / 4;
	nr_founders = nr_destroyers;

	ksft_print_header();
	missing = lacks_call(__NR_clone_with_pids);
	if (missing)
		ksft_exit_skip("%s\n", missing);
	pass_reserved_pids();
	if (read_int(NS_LAST_PID) < 0)
		ksft_exit_skip("kernel without CONFIG_CHECKPOINT_RESTORE\n");
	ksft_set_plan(NR_FAULTS + 1);
	ksft_print_msg("%lld s, %d racers, %d destroyers, %d founders, %ld CPUs; -s %u\n",
		       seconds, nr_racers, nr_destroyers, nr_founders,
		       sysconf(_SC_NPROCESSORS_ONLN), seed);
	signal(SIGALRM, stuck);
	alarm(seconds + EXTRA_MS / 1000 + HANG_SECONDS);

	world = shared(sizeof(*world) + MAX_TASKS * sizeof(struct task));
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&world->barrier, &attr, nr_racers);

	init = nest_children(MAX_LEVELS - 1);
	open_namespaces();
	find_numbers();
	begin = now_ms();
	if (!numbers_are_free())
		ksft_exit_fail_msg("the numbers are not free to begin with\n");
	set = same_at_all_levels(HELD);
	holder = hold(&set);
	/* Of no exit signal, so that waitpid() does not find it below. */
	set = same_at_all_levels(ZOMBIE);
	zombie = clone_with_pids(0, NULL, NULL, NULL, 0, &set);
	if (!zombie)
		_exit(0);
	if (holder < 0 || zombie < 0)
		ksft_exit_fail_msg("no holders: %d, %d\n", holder, zombie);

	begin = now_ms();
	be_born_in(namespaces[0]);
	nr_tasks = nr_racers + nr_destroyers + nr_founders;
	for (i = 0; i < nr_tasks; i++)
		start(i, seed);
	for (i = 0; i < nr_tasks; i++)
		if (waitpid(-1, &status, 0) < 0 || status)
			ksft_exit_fail_msg("a task ended with status 0x%x\n", status);

	let_go(holder);
	let_go(zombie);
	be_born_in(namespaces[MAX_LEVELS - 1]);
	numbers_are_free();
	look_for_lost_pids();
	kill(init, SIGKILL);
	reap_all();

	for (i = 0; i < NR_EVENTS; i++)
		ksft_print_msg("%9u %s\n", world->happened[i], events[i]);
	for (i = 0; i < NR_FAULTS; i++)
		ksft_test_result(!world->wrong[i], "%s\n", faults[i]);
	ksft_test_result(all_has_happened(), "all of it has happened\n");
	ksft_finished();
}
