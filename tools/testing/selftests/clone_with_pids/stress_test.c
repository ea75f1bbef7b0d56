// SPDX-License-Identifier: GPL-2.0
/*
 * Many workers request overlapping sets of pids, at 1, 4 and 33 levels of
 * nested pid namespaces, while others fork, create threads, leave zombies, fail
 * late, and create and kill namespaces:
 *
 *   0      1              3              32
 *   test   init --> ... init --> ...   init
 *   racer               racer          racer    from within
 *   racer, racer, racer . . . . . . . . . . .   from above
 *   destroyer           destroyer               create namespaces below and
 *                                               kill them during calls
 *                       founder        founder  create namespaces without init,
 *                                               which others enter
 *
 * Each request is recorded with the times, on a common clock, at which the call
 * began and ended, and its child was released and reaped. When all racers have
 * paused, one of them checks that
 *
 *  - no number was held by two children at once;
 *  - a call that failed with EBUSY requested a number that a child held, or may
 *    have held, during the call. A call that fails holds nothing at any time: if
 *    another was refused because of it, that one met a ghost.
 *
 * Where all request one number and hold it until all have called, exactly one
 * must succeed. Where only one worker forks into a namespace, it can predict the
 * next pid. In a namespace without init only pid 1 can be created, and below a
 * dead namespace nothing. At the end, every number must be free.
 */
#include <fcntl.h>
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
 * The numbers that are requested in each namespace: below RESERVED_PIDS (300),
 * where the kernel does not pick any, see pass_reserved_pids().
 */
enum {
	HELD,			/* by a process, for good */
	ZOMBIE,			/* by one that has exited */
	CONTESTED,		/* requested by all */
	OWN = CONTESTED + 3,	/* one for each worker alone */
};

#define MAX_WORKERS	96
#define MAX_NUMBERS	(OWN + MAX_WORKERS)
#define ANY		(-1)		/* not requested: the kernel picks */

#define CHILDREN	"/proc/self/ns/pid_for_children"

#define CALLS		32		/* of a racer, between two pauses */
#define ENTRANTS	2		/* into a founder's namespace */
#define ATTEMPTS	48		/* that each of these makes at most */
#define LAST_ATTEMPTS	4		/* after the namespace has died */
#define NOT_PICKED	200		/* in a founder's namespaces */
#define SWEEP		250		/* how many pids to check at the end */
#define EXTRA_MS	30000		/* more time for events that have not happened */
#define HANG_SECONDS	45		/* after that, a worker hangs */
#define PROGRESS_MS		30000		/* between reports of progress */

/* All of these must have happened. The first are in the order of enum kind. */
enum event {
	ROUNDS_FOR_ONE, OTHER_ROUNDS, FREE_RUNS, GHOST_RUNS,
	WON, LOST, REFUSED_HELD, FAILED_LATE,
	FORKS, THREADS, ZOMBIES, NSPIDS_READ, CURSORS_READ,
	NAMESPACES, BORN_BEFORE, REFUSED_BY_DEAD,
	FIRST_FAILED, FIRST_KILLED, INITS_OF_OTHERS, REFUSED_FOR_INIT, BEHIND_INIT,
	DEAD_BEFORE_INIT, DEAD_AFTER_INIT, REFUSED_BELOW_DEAD,
	NR_EVENTS
};

static const char *const event_names[] = {
	[ROUNDS_FOR_ONE]	= "rounds for one number, with one winner each",
	[OTHER_ROUNDS]		= "rounds for overlapping sets",
	[FREE_RUNS]		= "runs of random calls",
	[GHOST_RUNS]		= "runs of one for its own numbers, which others request in vain",
	[WON]			= "calls that got the numbers they requested",
	[LOST]			= "calls that got EBUSY for a number of another racer",
	[REFUSED_HELD]		= "calls that got EBUSY for a number that is held for good",
	[FAILED_LATE]		= "calls that failed late, with numbers that others request",
	[FORKS]			= "forks without a request",
	[THREADS]		= "threads with chosen pids",
	[ZOMBIES]		= "zombies that held numbers in a round",
	[NSPIDS_READ]		= "children whose pids were all read",
	[CURSORS_READ]		= "forks after failures that got the very next pid",
	[NAMESPACES]		= "namespaces destroyed",
	[BORN_BEFORE]		= "children created in them meanwhile",
	[REFUSED_BY_DEAD]	= "calls that found them dead",
	[FIRST_FAILED]		= "first forks of a namespace's maker, all failed late",
	[FIRST_KILLED]		= "others who entered, and were killed in their first fork",
	[INITS_OF_OTHERS]	= "inits created by others who had entered",
	[REFUSED_FOR_INIT]	= "calls that got EINVAL because there was no init",
	[BEHIND_INIT]		= "children created when there was one",
	[DEAD_BEFORE_INIT]	= "older namespaces killed before there was one",
	[DEAD_AFTER_INIT]	= "and when there was one",
	[REFUSED_BELOW_DEAD]	= "calls below, after the older one's init was reaped",
};

/* None of these may happen. */
enum fault {
	TWO_WINNERS, GHOST, WRONG_RESULT, WRONG_PIDS, CURSOR_MOVED, PID_LOST,
	NO_INIT, BORN_DEAD,
	NR_FAULTS
};

static const char *const fault_names[] = {
	[TWO_WINNERS]	= "one winner for each number",
	[GHOST]		= "no call refused for a number that nobody had",
	[WRONG_RESULT]	= "no other result",
	[WRONG_PIDS]	= "children have the pids that were requested",
	[CURSOR_MOVED]	= "failed calls use up no pids",
	[PID_LOST]	= "no pid lost",
	[NO_INIT]	= "no child but pid 1 in a namespace without init",
	[BORN_DEAD]	= "no child below a dead namespace",
};

/* A call with a set, or without one */
struct request {
	unsigned int start, end;	/* of the call */
	unsigned int release, gone;	/* of the child, if any */
	int rc;
	signed char pick[MAX_LEVELS];	/* which of the numbers, at each level */
};

struct worker {
	int nr;
	int level;			/* of its children */
	int home;			/* its own level */
	unsigned int random;
	struct clone_stack stack, thread_stack;

	/* shared with its child */
	const struct any_set *set;
	struct request *req;
	bool wants_ids;			/* the child is to fill in ids */
	struct nspid ids;		/* the child's pids */
	atomic_bool reported;		/* ids are filled in */
	bool stays;

	/* a racer's calls since the last pause */
	int nr_reqs;
	struct request reqs[CALLS];

	/* a destroyer's namespace, and its partner */
	int namespace;			/* as an open file */
	pid_t init;
	unsigned int partners_random;
	struct clone_stack init_stack, partner_stack, own_kids[5], partners_kids[5];
};

enum kind { ROUND_FOR_ONE, OTHER_ROUND, FREE_RUN, GHOST_RUN, STOP };

static struct shared_state {
	pthread_barrier_t barrier;
	atomic_uint clock;
	atomic_uint events[NR_EVENTS];
	atomic_uint faults[NR_FAULTS];
	atomic_bool stop;

	/* what the racers do next */
	enum kind kind;
	int level, pick;		/* the one number of a round */
	const struct worker *target;	/* of a GHOST_RUN */
	atomic_bool target_is_done;

	struct worker workers[];
} *state;

static int nr_racers = 8, nr_destroyers, nr_founders;
static int nr_numbers;
static pid_t numbers[MAX_LEVELS][MAX_NUMBERS];
static int namespaces[MAX_LEVELS];		/* as open files */
static long long start_ms, seconds = 3;

static void count_event(enum event event)
{
	state->events[event]++;
}

/* Works on a small stack, and in several tasks that share memory. */
static __attribute__((format(printf, 2, 3)))
void fault(enum fault fault, const char *fmt, ...)
{
	char text[512];
	va_list args;

	if (state->faults[fault]++ >= 3)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "# after %lld ms: not \"%s\": %s\n",
		now_ms() - start_ms, fault_names[fault], text);
}

static unsigned int below(unsigned int *random, unsigned int n)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random % n;
}

static bool one_in(struct worker *me, unsigned int n)
{
	return !below(&me->random, n);
}

/* Sets pid_for_children: @fd is a namespace's descriptor or its init's pidfd. */
static void set_children_ns(int fd)
{
	if (setns(fd, CLONE_NEWPID))
		fault(WRONG_RESULT, "setns() fails");
}

static unsigned int stamp(void)
{
	return state->clock++;
}

static void choose_none(struct request *req)
{
	memset(req->pick, ANY, sizeof(req->pick));
}

/* Prefers the levels that most workers have. */
static int choose_level(struct worker *me)
{
	int level = one_in(me, 2) ? 3 : me->level;

	return below(&me->random, (level < me->level ? level : me->level) + 1);
}

static int own(const struct worker *me)
{
	return OWN + me->nr;
}

/* Requests the own number, at some levels or at all. */
static void choose_own(struct worker *me, struct request *req)
{
	const bool all = one_in(me, 2);
	int i;

	for (i = 0; i <= me->level; i++)
		if (all || one_in(me, 4))
			req->pick[i] = own(me);
}

static void choose_contested(struct worker *me, struct request *req)
{
	int n = 1 + below(&me->random, 2);

	choose_own(me, req);
	while (n--)
		req->pick[choose_level(me)] = CONTESTED + below(&me->random, 3);
}

/* Requests what others request, and a number that is held for good. */
static void choose_held(struct worker *me, struct request *req)
{
	int i, n = 1 + below(&me->random, 4);

	for (i = 0; i <= me->level; i++)
		if (n == 4 || one_in(me, 8))
			req->pick[i] = OWN + below(&me->random, nr_numbers - OWN);
	while (n--)
		req->pick[choose_level(me)] = CONTESTED + below(&me->random, 3);
	req->pick[choose_level(me)] = one_in(me, 2) ? HELD : ZOMBIE;
}

static void choose_any(struct worker *me, struct request *req)
{
	switch (below(&me->random, 7)) {
	case 0:
		break;
	case 1:
		choose_own(me, req);
		break;
	case 2:
	case 3:
		choose_held(me, req);
		break;
	default:
		choose_contested(me, req);
	}
}

static bool asks_for(const struct request *req, int first, int last)
{
	int i;

	for (i = 0; i < MAX_LEVELS; i++)
		if (req->pick[i] >= first && req->pick[i] <= last)
			return true;
	return false;
}

static bool asks_for_held(const struct request *req)
{
	return asks_for(req, HELD, ZOMBIE);
}

/* Leading entries of 0 may be left out. */
static struct any_set make_set(struct worker *me, const struct request *req)
{
	const bool shorten = one_in(me, 2);
	struct any_set set = {};
	int i;

	for (i = 0; i <= me->level; i++) {
		int pick = req->pick[i];

		if (shorten && !set.num_pids && pick == ANY)
			continue;
		set.pids[set.num_pids++] = pick == ANY ? 0 : numbers[i][pick];
	}
	return set;
}

/* Racers */

static int child(struct start *sp)
{
	struct worker *me = sp->arg;

	if (me->wants_ids)
		me->ids = read_nspid("/proc/thread-self/status");
	atomic_store(&me->reported, true);
	while (me->stays)
		syscall(SYS_pause);
	return 0;
}

static int call(struct worker *me, unsigned long flags, struct clone_stack *stack,
		int *parent_tid)
{
	struct request *req = me->req;

	req->start = stamp();
	req->rc = clone_on_stack(CHEAP | flags, stack, parent_tid, NULL, 0,
				 me->set, child, me);
	req->end = stamp();
	return req->rc;
}

/* Becomes a zombie with a live thread, or exits if it cannot have one. */
static int thread_leader(struct start *sp)
{
	struct worker *me = sp->arg;

	call(me, CLONE_THREAD, &me->thread_stack, NULL);
	return 0;
}

static void check_pids(struct worker *me, struct request *req)
{
	int i, wrong = ANY;

	if (req->pick[me->home] != ANY &&
	    req->rc != numbers[me->home][req->pick[me->home]])
		fault(WRONG_PIDS, "asked for %d at level %d, and %d was returned",
		      numbers[me->home][req->pick[me->home]], me->home, req->rc);
	if (!me->wants_ids)
		return;
	while (!atomic_load(&me->reported))
		sched_yield();
	count_event(NSPIDS_READ);
	for (i = 0; i <= me->level; i++)
		if (req->pick[i] != ANY && me->ids.pid[i] != numbers[i][req->pick[i]])
			wrong = i;
	if (me->ids.n != me->level + 1)
		fault(WRONG_PIDS, "%d levels, and the child has %d pids",
		      me->level + 1, me->ids.n);
	else if (me->ids.pid[me->home] != req->rc)
		fault(WRONG_PIDS, "the child has pid %d, and %d was returned",
		      me->ids.pid[me->home], req->rc);
	else if (wrong != ANY)
		fault(WRONG_PIDS, "asked for %d at level %d, and the child has %d there",
		      numbers[wrong][req->pick[wrong]], wrong, me->ids.pid[wrong]);
}

/* Requests the chosen pids. Returns the process to release, or 0. */
static pid_t request_pids(struct worker *me, struct request *req)
{
	const bool chosen = asks_for(req, 0, MAX_NUMBERS);
	const struct any_set set = make_set(me, req);
	pid_t pid = 0;

	me->req = req;
	me->set = chosen || one_in(me, 2) ? &set : NULL;
	me->wants_ids = one_in(me, 4);
	me->reported = false;
	/* A thread cannot be created in another namespace. */
	if (chosen && me->home == me->level && state->kind != GHOST_RUN &&
	    one_in(me, 4)) {
		me->stays = true;
		req->rc = 0;
		pid = clone_on_stack(CHEAP | CLONE_VFORK | SIGCHLD, &me->stack,
				     NULL, NULL, 0, NULL, thread_leader, me);
		if (pid < 0)
			fault(WRONG_RESULT, "a fork fails: %s", strerror(-pid));
		if (req->rc > 0)
			count_event(THREADS);
		else if (pid > 0)
			wait_exit(pid);
	} else {
		me->stays = one_in(me, 2);
		pid = call(me, SIGCHLD, &me->stack, NULL);
	}

	if (req->rc > 0) {
		count_event(chosen ? WON : FORKS);
		check_pids(me, req);
		if (asks_for_held(req))
			fault(TWO_WINNERS, "a number that is held for good was given");
		return pid;
	}
	if (req->rc != -EBUSY || !chosen)
		fault(WRONG_RESULT, "%s, with %u pids chosen", strerror(-req->rc),
		      me->set ? me->set->num_pids : 0);
	else
		count_event(asks_for_held(req) ? REFUSED_HELD : LOST);
	return 0;
}

/*
 * Newer kernels free the tid of a thread a moment after its process can be
 * waited for. F_SETOWN fails with ESRCH when nothing uses the number any more.
 * Another may have taken it by then, so do not wait for ever.
 */
static void await_free(pid_t tid)
{
	int tries = 1000;

	while (tries-- && !fcntl(STDOUT_FILENO, F_SETOWN, tid))
		sched_yield();
	fcntl(STDOUT_FILENO, F_SETOWN, 0);
}

static void let_child_go(struct worker *me, struct request *req, pid_t pid)
{
	siginfo_t info = {};

	req->release = stamp();
	if (pid > 0) {
		if (state->kind < FREE_RUN && asks_for(req, 0, MAX_NUMBERS) &&
		    !waitid(P_PID, pid, &info, WEXITED | WNOWAIT | WNOHANG) &&
		    info.si_pid)
			count_event(ZOMBIES);
		if (me->stays)
			kill(pid, SIGKILL);
		wait_exit(pid);
		if (req->rc > 0 && req->rc != pid)	/* a thread */
			await_free(req->rc);
	}
	req->gone = stamp();
}

/*
 * Requests numbers that others request, too, but the pidfd cannot be stored.
 * EBUSY may be found before that.
 */
static void fail_late(struct worker *me, struct request *req)
{
	const struct any_set set = make_set(me, req);

	me->req = req;
	me->set = &set;
	call(me, CLONE_PIDFD | SIGCHLD, &me->stack, (int *)1);
	if (req->rc == -EFAULT)
		count_event(FAILED_LATE);
	else if (req->rc != -EBUSY || !asks_for(req, 0, MAX_NUMBERS))
		fault(WRONG_RESULT, "%s where EFAULT was to come late",
		      strerror(-req->rc));
	req->release = stamp();
	req->gone = req->release;
}

static void take_part(struct worker *me)
{
	struct request *req = me->reqs;
	pid_t pid;

	choose_none(req);
	if (state->kind == OTHER_ROUND) {
		choose_contested(me, req);
	} else if (me->level >= state->level) {
		choose_own(me, req);
		req->pick[state->level] = state->pick;
	}
	pid = request_pids(me, req);
	pthread_barrier_wait(&state->barrier);
	let_child_go(me, req, pid);
	me->nr_reqs = 1;
}

static void run_free(struct worker *me)
{
	for (me->nr_reqs = 0; me->nr_reqs < CALLS; me->nr_reqs++) {
		struct request *req = &me->reqs[me->nr_reqs];
		int linger = below(&me->random, 8);
		pid_t pid;

		choose_none(req);
		choose_any(me, req);
		if (one_in(me, 8)) {
			fail_late(me, req);
			continue;
		}
		pid = request_pids(me, req);
		while (req->rc > 0 && linger--)
			sched_yield();
		let_child_go(me, req, pid);
	}
}

/*
 * One worker requests its own numbers again and again. The others request the
 * same numbers in calls that fail: with a number that is held at either end of
 * the set, or with a pidfd that cannot be stored. The one must never fail.
 */
static void run_for_ghosts(struct worker *me)
{
	struct request *req = me->reqs;
	int i;

	me->nr_reqs = 0;
	do {
		choose_none(req);
		for (i = 0; i <= me->level; i++)
			req->pick[i] = own(state->target);
		if (me == state->target) {
			me->nr_reqs++;
		} else if (one_in(me, 2)) {
			fail_late(me, req);
			continue;
		} else {
			req->pick[one_in(me, 2) ? 0 : me->level] = HELD;
		}
		let_child_go(me, req, request_pids(me, req));
		if (me == state->target && me->nr_reqs == CALLS)
			atomic_store(&state->target_is_done, true);
		req = &me->reqs[me->nr_reqs % CALLS];
	} while (!atomic_load(&state->target_is_done));
}

/* Do both request the same number at some level? */
static bool overlap(const struct request *a, const struct request *b)
{
	int i;

	for (i = 0; i < MAX_LEVELS; i++)
		if (a->pick[i] != ANY && a->pick[i] == b->pick[i])
			return true;
	return false;
}

static void judge_call(const struct worker *me, const struct request *req)
{
	bool explained = asks_for_held(req);
	const struct worker *other;
	const struct request *o;
	char text[256];
	int i, len = 0;

	if (req->rc <= 0 && req->rc != -EBUSY)
		return;
	for (other = state->workers; other < state->workers + nr_racers; other++) {
		for (o = other->reqs; o < other->reqs + other->nr_reqs; o++) {
			if (other == me || o->rc <= 0 ||
			    o->start > req->gone || req->start > o->gone)
				continue;
			if (req->rc == -EBUSY && o->start < req->end)
				explained |= overlap(req, o);
			if (req->rc > 0 && other < me && o->end < req->release &&
			    req->end < o->release && overlap(req, o))
				fault(TWO_WINNERS, "racers %d and %d had one number at once",
				      me->nr, other->nr);
		}
	}
	if (req->rc > 0 || explained)
		return;
	for (i = 0; i <= me->level && len < sizeof(text) - 20; i++)
		if (req->pick[i] != ANY)
			len += sprintf(text + len, " %d:%d", i, numbers[i][req->pick[i]]);
	fault(GHOST, "racer %d, of %d levels, asked for (level:number)%s",
	      me->nr, me->level + 1, text);
}

static void judge(void)
{
	const struct worker *t;
	int i, winners = 0;

	for (t = state->workers; t < state->workers + nr_racers; t++) {
		for (i = 0; i < t->nr_reqs; i++)
			judge_call(t, &t->reqs[i]);
		winners += t->level >= state->level && t->reqs->rc > 0;
	}
	if (state->kind == ROUND_FOR_ONE && winners != 1)
		fault(TWO_WINNERS, "%d winners in a round", winners);
	count_event(ROUNDS_FOR_ONE + state->kind);
}

static bool all_events_happened(void)
{
	int i;

	for (i = 0; i < NR_EVENTS; i++)
		if (!state->events[i])
			return false;
	return true;
}

static void report_progress(void)
{
	static long long next = PROGRESS_MS;
	const long long now = now_ms() - start_ms;

	if (now < next)
		return;
	next += PROGRESS_MS;
	dprintf(STDOUT_FILENO, "# %lld s: %u calls won, %u lost, %u for held numbers, %u namespaces destroyed\n",
		now / 1000, state->events[WON], state->events[LOST],
		state->events[REFUSED_HELD], state->events[NAMESPACES]);
}

/* The first racer decides what all do next, and checks the results. */
static void plan(struct worker *me)
{
	const long long left = start_ms + seconds * 1000 - now_ms();
	int i;

	report_progress();
	state->clock = 0;
	state->kind = below(&me->random, one_in(me, 4) ? STOP : FREE_RUN);
	if (left < -EXTRA_MS || (left < 0 && all_events_happened()))
		state->kind = STOP;
	for (i = 0; i < NR_FAULTS; i++)
		if (state->faults[i])
			state->kind = STOP;
	state->level = below(&me->random, 3) * 16;
	if (state->level == 16)
		state->level = below(&me->random, 4);
	state->pick = CONTESTED + below(&me->random, 3);
	state->target = &state->workers[below(&me->random, nr_racers)];
	state->target_is_done = false;
}

static void run_racer(struct worker *me)
{
	for (;;) {
		if (!me->nr)
			plan(me);
		pthread_barrier_wait(&state->barrier);
		if (state->kind == STOP)
			return;
		if (state->kind == GHOST_RUN)
			run_for_ghosts(me);
		else if (state->kind == FREE_RUN)
			run_free(me);
		else
			take_part(me);
		pthread_barrier_wait(&state->barrier);
		if (!me->nr)
			judge();
	}
}

/* Destroyers */

static int only_child(struct start *sp)
{
	struct worker *me = sp->arg;

	me->ids.pid[0] = syscall(SYS_getpid);
	return 0;
}

/*
 * Nobody else forks into the namespace yet: the kernel picks 2, 3 and so on,
 * whatever fails in between.
 */
static void watch_cursor(struct worker *me)
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
			count_event(CURSORS_READ);
		next = me->ids.pid[0] + 1;
		failed = false;
	}
}

/* Creates up to @n children, of which four stay, until the namespace dies. */
static void create_children(struct worker *me, unsigned int *random,
			    struct clone_stack *kids, unsigned int n)
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
			count_event(REFUSED_BY_DEAD);
			return;
		}
		if (rc == -EBUSY && set.pids[0])
			continue;
		if (rc < 0) {
			fault(WRONG_RESULT, "%s in a dying namespace",
			      strerror(-rc));
			return;
		}
		count_event(BORN_BEFORE);
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
	struct worker *me = sp->arg;

	set_children_ns(me->namespace);
	create_children(me, &me->partners_random, me->partners_kids,
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
static void run_destroyer(struct worker *me)
{
	while (!atomic_load(&state->stop)) {
		struct any_set set;
		struct request req;
		int rc, init;

		choose_none(&req);
		choose_own(me, &req);
		set = make_set(me, &req);
		/*
		 * An exiting init ignores SIGCHLD to get rid of zombies, so the
		 * signal handlers must not be shared with it.
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
		set_children_ns(init);
		close(init);
		/* It can still be entered when the init is dead. */
		me->namespace = open(CHILDREN, O_RDONLY | O_CLOEXEC);
		watch_cursor(me);
		set_children_ns(namespaces[me->level]);
		rc = clone_on_stack(CHEAP | SIGCHLD, &me->partner_stack, NULL,
				    NULL, 0, NULL, partner, me);
		if (rc < 0) {
			fault(WRONG_RESULT, "a fork fails: %s", strerror(-rc));
			return;
		}
		set_children_ns(me->namespace);
		create_children(me, &me->random, me->own_kids, UINT_MAX);
		set_children_ns(namespaces[me->level]);
		reap_all();
		close(me->namespace);
		count_event(NAMESPACES);
	}
}

/* Founders */

/* A call of a task that has entered the young namespace */
struct attempt {
	atomic_uint start;
	unsigned int end;
	int rc;
	pid_t asked;			/* pid in the young namespace; 0: any */
	bool late;			/* the pidfd cannot be stored */
	bool killed;			/* the caller is killed during the call */
	atomic_int nr;			/* the child's own pid there */
};

struct entrant {
	int nr;
	unsigned int random;
	struct clone_stack stack, kids[2];
	pid_t init;			/* if it is a child of this task */
	int nr_attempts;
	struct attempt attempts[ATTEMPTS];
};

/*
 *   home         old         young
 *   me       --> elder                   init, killed by me
 *            --> maker . . . (nobody)    all of its forks fail
 *   entrants . . . . . . . . children    the first of which is init
 *   killed . . . . . . . . . (child)     by me while it forks
 *
 * All share their memory. The young namespace has a clock of its own.
 */
static struct young {
	struct worker *me;
	atomic_uint clock;
	atomic_int ns;			/* as an open file, or 0 */
	atomic_uint killed, reaped;	/* time when elder was; 0: not yet */
	unsigned int makers_random;
	struct clone_stack elder_stack, maker_stack, no_stack;
	struct entrant entrants[ENTRANTS + 1];	/* the last one is killed */
} young;

/*
 * Numbers that nobody else requests, except 1 in the young namespace, and by
 * the maker. In the new namespaces the kernel picks pids up to
 * (ENTRANTS + 1) * ATTEMPTS + 2.
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
			count_event(FIRST_FAILED);
		else if (rc != -EBUSY && (rc != -EINVAL || asked <= 1))
			fault(WRONG_RESULT, "%d where EFAULT was to come late, asked for %d",
			      rc, asked);
	}
	return 0;
}

static int attempt_child(struct start *sp)
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
	a->killed = false;
	a->late = !below(&me->random, 4);
	a->start = young.clock++;
	/* Its own signal handlers: it may be an init, see destroy(). */
	a->rc = clone_on_stack((CHEAP & ~CLONE_SIGHAND) | SIGCHLD |
			       (a->late ? CLONE_PIDFD : 0),
			       &me->kids[!!me->init], a->late ? (int *)1 : NULL,
			       NULL, 0, set.num_pids ? &set : NULL, attempt_child, a);
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

	set_children_ns(young.ns);
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

	set_children_ns(young.ns);
	a->start = young.clock++;
	clone_on_stack((CHEAP & ~CLONE_SIGHAND) | SIGCHLD, me->kids, NULL, NULL,
		       0, NULL, attempt_child, a);
	return 0;
}

static bool has_init(void)
{
	return ioctl(young.ns, NS_GET_PID_FROM_PIDNS, 1) > 0;
}

/*
 * A fork whose caller is killed fails after its pids are taken. It has failed
 * if there is no pid 1 afterwards. If there is one, it may be another's.
 */
static void kill_one_in_fork(struct worker *me)
{
	struct entrant *e = &young.entrants[ENTRANTS];
	struct attempt *a = &e->attempts[e->nr_attempts++];
	int linger = below(&me->random, 2) ? below(&me->random, 2000) : 0;
	pid_t pid;

	*a = (struct attempt){ .killed = true };
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
		count_event(FIRST_KILLED);
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
 * Can there have been an init before @a ended? A child that was killed at once
 * could not tell its pid. A call that failed late may have had pid 1 for a while.
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
	if (a->killed && a->rc < 0)
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

static void judge_attempts(void)
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
			count_event(BEHIND_INIT);
		else if (a->rc == -EINVAL)
			count_event(REFUSED_FOR_INIT);
		else if (a->rc == -ENOMEM && young.reaped < a->start)
			count_event(REFUSED_BELOW_DEAD);
	}
	if (init)
		count_event(INITS_OF_OTHERS);
	count_event(init ? DEAD_AFTER_INIT : DEAD_BEFORE_INIT);
}

static bool found_namespace(struct worker *me)
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
	set_children_ns(fd);
	close(fd);
	maker = clone_on_stack(CHEAP | SIGCHLD, &young.maker_stack, NULL, NULL,
			       0, NULL, make_young, NULL);
	set_children_ns(namespaces[me->level]);
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
		kill_one_in_fork(me);
	for (e = young.entrants; e < young.entrants + ENTRANTS; e++) {
		e->init = 0;
		e->nr_attempts = 0;
		if (clone_on_stack(CHEAP | SIGCHLD, &e->stack, NULL, NULL, 0,
				   NULL, enter, e) < 0)
			fault(WRONG_RESULT, "a fork fails");
	}
	/* Kill after no call, some, or almost all. */
	end = below(&me->random, ENTRANTS * ATTEMPTS);
	if (one_in(me, 2))
		end %= 8;
	while (young.clock < end) {
		if (e->nr_attempts == ATTEMPTS || has_init())
			sched_yield();
		else
			kill_one_in_fork(me);
	}
	young.killed = young.clock++;
	kill(elder, SIGKILL);
	/* It is reaped after all tasks in its namespaces. */
	do
		gone = waitpid(-1, NULL, __WALL);
	while (gone > 0 && gone != elder);
	young.reaped = young.clock++;
	reap_all();
	close(young.ns);
	judge_attempts();
	return true;
}

static void run_founder(struct worker *me)
{
	struct entrant *e;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	young.me = me;
	young.makers_random = me->random + 2;
	for (e = young.entrants; e < young.entrants + ENTRANTS; e++) {
		e->nr = e - young.entrants;
		e->random = me->random + 4 + 2 * e->nr;
	}
	while (!atomic_load(&state->stop) && found_namespace(me))
		;
}

/* Start and end */

static void start(int nr, unsigned int seed)
{
	static const int levels[] = { 0, 3, MAX_LEVELS - 1 };
	struct worker *me = &state->workers[nr];
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
	/* Leave room for namespaces below. */
	if (nr >= nr_racers && me->level == MAX_LEVELS - 1)
		me->level -= founder ? 2 : 1;
	set_children_ns(namespaces[me->level]);
	if (nr >= nr_racers || i / 3 % 2) {
		me->home = me->level;
		go_on_as_child();
	}
	if (founder)
		run_founder(me);
	else if (destroyer)
		run_destroyer(me);
	else
		run_racer(me);
	if (!nr)
		atomic_store(&state->stop, true);
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
 * Checks the last pids that the kernel picked, in all namespaces but the oldest,
 * where others may use them. The inits of the younger ones are just above 1000.
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

/* Opens the caller's pid_for_children and its ancestors. */
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

static void choose_numbers(void)
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

static void on_alarm(int sig)
{
	static const char text[] = "Bail out! the workers do not end\n";

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
	printf("usage: stress_test [-t SECONDS] [-j RACERS] [-s SEED]\n"
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
	int i, opt, status, nr_workers;

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
	signal(SIGALRM, on_alarm);
	alarm(seconds + EXTRA_MS / 1000 + HANG_SECONDS);

	state = shared(sizeof(*state) + MAX_WORKERS * sizeof(struct worker));
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&state->barrier, &attr, nr_racers);

	init = nest_children(MAX_LEVELS - 1);
	open_namespaces();
	choose_numbers();
	start_ms = now_ms();
	if (!numbers_are_free())
		ksft_exit_fail_msg("the numbers are not free to begin with\n");
	set = same_at_all_levels(HELD);
	holder = hold(&set);
	/* Without exit signal, waitpid() does not find it below. */
	set = same_at_all_levels(ZOMBIE);
	zombie = clone_with_pids(0, NULL, NULL, NULL, 0, &set);
	if (!zombie)
		_exit(0);
	if (holder < 0 || zombie < 0)
		ksft_exit_fail_msg("no holders: %d, %d\n", holder, zombie);

	start_ms = now_ms();
	set_children_ns(namespaces[0]);
	nr_workers = nr_racers + nr_destroyers + nr_founders;
	for (i = 0; i < nr_workers; i++)
		start(i, seed);
	for (i = 0; i < nr_workers; i++)
		if (waitpid(-1, &status, 0) < 0 || status)
			ksft_exit_fail_msg("a worker ended with status 0x%x\n", status);

	let_go(holder);
	let_go(zombie);
	set_children_ns(namespaces[MAX_LEVELS - 1]);
	numbers_are_free();
	look_for_lost_pids();
	kill(init, SIGKILL);
	reap_all();

	for (i = 0; i < NR_EVENTS; i++)
		ksft_print_msg("%9u %s\n", state->events[i], event_names[i]);
	for (i = 0; i < NR_FAULTS; i++)
		ksft_test_result(!state->faults[i], "%s\n", fault_names[i]);
	ksft_test_result(all_events_happened(), "all events have happened\n");
	ksft_finished();
}
