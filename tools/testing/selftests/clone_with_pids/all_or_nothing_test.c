// SPDX-License-Identifier: GPL-2.0
/*
 * All of a child's pids are taken in one step, or none:
 *
 *  - no ghosts: a call that is refused does not take, not even for a moment,
 *    the pids that it could have had;
 *  - no trace: after a refused call the next fork gets the pid that it would
 *    have got anyway, in every namespace;
 *  - of several callers that race for the same pids, exactly one gets them.
 *
 * A kernel that takes the levels' pids one after the other shows ghosts, in one
 * or the other order of free and busy, and in the race for overlapping sets.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "clone_with_pids.h"

#define GHOST_MS	700	/* for each order, in each topology, */
#define GHOST_TRIES	200	/* and at least so many calls */
#define RACE_ROUNDS	100	/* for each set of pids */
#define RACERS		4
#define TRACE_CALLS	10	/* refused calls between two forks */
#define TRACE_TRIES	50	/* to get the forks without others' between */

FIXTURE(levels)
{
	int n;				/* how many there are, from here on */
	pid_t free[MAX_LEVELS];
	pid_t busy[MAX_LEVELS];		/* in use at each: a holder's */
	int pid_max;
};

/*
 * @nest:	how far down the caller goes
 * @children:	how much further down its children are born
 */
FIXTURE_VARIANT(levels)
{
	int nest;
	int children;
};

/*
 *   oldest   middle   youngest
 *   test --> init --> init --> caller --> child
 */
FIXTURE_VARIANT_ADD(levels, three) {
	.nest = 2,
};

/*
 *   oldest   middle   youngest
 *   caller . . . . . . child
 */
FIXTURE_VARIANT_ADD(levels, three_below) {
	.children = 2,
};

/*
 *   0        1                 32
 *   test --> init --> ... -->  init --> caller --> child
 */
FIXTURE_VARIANT_ADD(levels, deepest) {
	.nest = MAX_LEVELS - 1,
};

static struct any_set full_set(FIXTURE_DATA(levels) *self, const pid_t *pids)
{
	struct any_set set = { .num_pids = self->n };

	memcpy(set.pids, pids, self->n * sizeof(pid_t));
	return set;
}

FIXTURE_SETUP(levels)
{
	struct any_set set;
	int i;

	self->pid_max = read_int(PID_MAX);
	ASSERT_LT(2000, self->pid_max);
	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	self->n = 1 + variant->nest + variant->children;
	for (i = 0; i < self->n; i++) {
		self->free[i] = free_pid();
		self->busy[i] = free_pid();
	}
	pass_reserved_pids();
	if (variant->nest)
		nest(variant->nest);
	if (variant->children)
		nest_children(variant->children);

	set = full_set(self, self->busy);
	ASSERT_LT(0, hold(&set));
}

/* The holder dies with the caller. */
FIXTURE_TEARDOWN_PARENT(levels)
{
	EXPECT_EQ(0, write_int(PID_MAX, self->pid_max));
}

/* Where there is only one CPU, it is preemption that brings them together. */
static void pin_to_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* No ghosts */

struct asker {
	struct any_set set;
	atomic_bool stop;
	atomic_ulong calls;
	unsigned long other;		/* results but EBUSY */
	struct clone_stack stack;
};

/* Forever asks for a set that it cannot have. */
static void ask_in_vain(struct asker *asker)
{
	pin_to_cpu(0);
	while (!atomic_load(&asker->stop)) {
		int rc = clone_on_stack(CHEAP | SIGCHLD, &asker->stack, NULL,
					NULL, 0, &asker->set, exit_at_once,
					NULL);

		asker->calls++;
		if (rc != -EBUSY)
			asker->other++;
		if (rc > 0)
			wait_exit(rc);
	}
}

/* One asks for a free pid at one level beside a busy one at another level. */
static void find_ghosts(struct __test_metadata *const _metadata,
			FIXTURE_DATA(levels) *self, int free, int busy)
{
	struct asker *asker = shared(sizeof(*asker));
	struct any_set wanted = { .num_pids = self->n };
	struct clone_stack *stack = shared(sizeof(*stack));
	unsigned long tries = 0, ghosts = 0, other = 0;
	const long long end = now_ms() + GHOST_MS;
	pid_t pid;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "on one CPU nobody can come in between");

	asker->set.num_pids = self->n;
	asker->set.pids[free] = self->free[free];
	asker->set.pids[busy] = self->busy[busy];
	wanted.pids[free] = self->free[free];
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ask_in_vain(asker);
		_exit(0);
	}

	/* Another takes the free one, and frees it, and takes it again. */
	pin_to_cpu(1);
	while (now_ms() < end || tries < GHOST_TRIES ||
	       atomic_load(&asker->calls) < GHOST_TRIES) {
		int rc = clone_on_stack(CHEAP | SIGCHLD, stack, NULL, NULL, 0,
					&wanted, exit_at_once, NULL);

		tries++;
		if (rc == -EBUSY)
			ghosts++;
		else if (rc < 0 || wait_exit(rc))
			other++;
	}
	atomic_store(&asker->stop, true);
	EXPECT_EQ(0, wait_exit(pid));

	TH_LOG("free at %d, busy at %d: %lu tries beside %lu refused calls, %lu ghosts",
	       free, busy, tries, asker->calls, ghosts);
	EXPECT_EQ(0, ghosts);
	EXPECT_EQ(0, other);
	EXPECT_EQ(0, asker->other);
	munmap(asker, sizeof(*asker));
	munmap(stack, sizeof(*stack));
}

TEST_F(levels, no_ghosts_busy_at_oldest)
{
	find_ghosts(_metadata, self, self->n - 1, 0);
}

TEST_F(levels, no_ghosts_busy_at_youngest)
{
	find_ghosts(_metadata, self, 0, self->n - 1);
}

/* No trace */

/*
 * A call that is refused, and the errno that it should have. @arm makes it fail
 * for reasons outside the call, and undoes that.
 */
struct refusal {
	struct any_set set;
	const void *set_pointer;	/* if it is not the set above */
	int flags;
	void *parent_tid;
	int err;
	void (*arm)(FIXTURE_DATA(levels) *self, bool on);
};

/*
 * Between two forks there are refused calls, and nothing of them can be seen:
 * the second fork gets the pids after those of the first. Only in the oldest
 * namespace are there other processes that fork too, so it may take more tries.
 */
static void expect_no_trace(struct __test_metadata *const _metadata,
			    FIXTURE_DATA(levels) *self,
			    const struct refusal *call)
{
	const void *set = call->set_pointer ?: &call->set;
	struct nspid before, after;
	int rc[TRACE_CALLS], i, tries = TRACE_TRIES;

	do {
		before = plain_fork();
		if (call->arm)
			call->arm(self, true);
		for (i = 0; i < TRACE_CALLS; i++) {
			rc[i] = clone_with_pids(call->flags | SIGCHLD, NULL,
						call->parent_tid, NULL, 0, set);
			if (!rc[i])
				_exit(0);
		}
		if (call->arm)
			call->arm(self, false);
		after = plain_fork();

		for (i = 0; i < TRACE_CALLS; i++)
			ASSERT_EQ(call->err, rc[i]);
		ASSERT_EQ(self->n, before.n);
		ASSERT_EQ(self->n, after.n);
		for (i = 1; i < self->n; i++) {
			ASSERT_EQ(before.pid[i] + 1, after.pid[i]) {
				TH_LOG("level %d, errno %d", i, -call->err);
			}
		}
	} while (after.pid[0] != before.pid[0] + 1 && --tries);
	EXPECT_EQ(before.pid[0] + 1, after.pid[0]) {
		TH_LOG("level 0, errno %d", -call->err);
	}
}

/* All by the kernel's choice, one chosen at either end, and all chosen. */
static void expect_no_trace_of_sets(struct __test_metadata *const _metadata,
				    FIXTURE_DATA(levels) *self,
				    struct refusal *call)
{
	call->set = (struct any_set){ .num_pids = self->n };
	expect_no_trace(_metadata, self, call);
	call->set.pids[0] = self->free[0];
	expect_no_trace(_metadata, self, call);
	call->set = (struct any_set){ 1, { self->free[self->n - 1] } };
	expect_no_trace(_metadata, self, call);
	call->set = full_set(self, self->free);
	expect_no_trace(_metadata, self, call);
}

/* What the refused calls had asked for can be had, all of it. */
static void expect_free(struct __test_metadata *const _metadata,
			FIXTURE_DATA(levels) *self)
{
	const struct any_set set = full_set(self, self->free);
	struct nspid ids;

	EXPECT_LT(0, spawn(0, &set, &ids));
}

/* Each level is tried, or every eighth where there are many. */
static int step(FIXTURE_DATA(levels) *self)
{
	return self->n > DEPTH ? 8 : 1;
}

TEST_F(levels, no_trace_of_EBUSY)
{
	struct refusal call = { .err = -EBUSY };
	int i;

	for (i = 0; i < self->n; i += step(self)) {
		call.set = (struct any_set){ .num_pids = self->n };
		call.set.pids[i] = self->busy[i];
		expect_no_trace(_metadata, self, &call);
		call.set = full_set(self, self->free);
		call.set.pids[i] = self->busy[i];
		expect_no_trace(_metadata, self, &call);
	}
	expect_free(_metadata, self);
}

TEST_F(levels, no_trace_of_EINVAL)
{
	struct refusal call = { .err = -EINVAL };
	int i;

	call.set.num_pids = UINT_MAX;
	expect_no_trace(_metadata, self, &call);
	for (i = 0; i < self->n; i += step(self)) {
		call.set = (struct any_set){ .num_pids = self->n };
		call.set.pids[i] = -1;
		expect_no_trace(_metadata, self, &call);
		call.set = full_set(self, self->free);
		call.set.pids[i] = INT_MAX;
		expect_no_trace(_metadata, self, &call);
	}
	expect_free(_metadata, self);
}

TEST_F(levels, no_trace_of_EFAULT)
{
	const struct refusal call = { .set_pointer = (void *)1, .err = -EFAULT };

	expect_no_trace(_metadata, self, &call);
}

TEST_F(levels, no_trace_of_EPERM)
{
	struct refusal call = { .err = -EPERM };
	int i;

	keep_caps(0);
	for (i = 0; i < self->n; i += step(self)) {
		call.set = (struct any_set){ .num_pids = self->n };
		call.set.pids[i] = self->free[i];
		expect_no_trace(_metadata, self, &call);
		call.set.pids[i] = self->busy[i];
		expect_no_trace(_metadata, self, &call);
	}
	keep_caps(~0ULL);
	expect_free(_metadata, self);
}

/*
 * No free pid at one of the levels. Only 300 could be chosen, see
 * pass_reserved_pids(), and it is held.
 */
static void lower_pid_max(FIXTURE_DATA(levels) *self, bool on)
{
	write_int(PID_MAX, on ? 301 : self->pid_max);
}

TEST_F(levels, no_trace_of_EAGAIN)
{
	struct refusal call = { .err = -EAGAIN, .arm = lower_pid_max };
	pid_t holder;
	int i;

	if (access(NS_LAST_PID, F_OK))
		SKIP(return, "kernel without CONFIG_CHECKPOINT_RESTORE");
	for (i = 0; i < self->n; i += step(self)) {
		struct any_set set = full_set(self, self->free);

		set.pids[i] = 300;
		holder = hold(&set);
		ASSERT_LT(0, holder);
		call.set = (struct any_set){ .num_pids = self->n };
		expect_no_trace(_metadata, self, &call);
		let_go(holder);
	}
	expect_free(_metadata, self);
}

/*
 * What clone() refuses later, with the pids taken already: the file descriptor
 * of CLONE_PIDFD cannot be told, or not be had, or a cgroup is full.
 */
TEST_F(levels, no_trace_of_late_EFAULT)
{
	struct refusal call = {
		.flags = CLONE_PIDFD,
		.parent_tid = (void *)1,
		.err = -EFAULT,
	};

	expect_no_trace_of_sets(_metadata, self, &call);
	expect_free(_metadata, self);
}

/* The next pid is in use, so the refused call had the one after it. */
TEST_F(levels, cursor_is_where_it_was)
{
	const int youngest = self->n - 1;
	struct nspid before = plain_fork(), after;
	const pid_t next = before.pid[youngest] + 1;
	pid_t holder = hold(SET(next));

	ASSERT_LT(0, holder);
	ASSERT_EQ(-EFAULT, clone_with_pids(CLONE_PIDFD | SIGCHLD, NULL,
					   (void *)1, NULL, 0, NULL));
	let_go(holder);
	after = plain_fork();
	EXPECT_EQ(next, after.pid[youngest]);
}

static void limit_files(FIXTURE_DATA(levels) *self, bool on)
{
	struct rlimit limit;
	int next = dup(STDERR_FILENO);

	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = on ? next : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_F(levels, no_trace_of_late_EMFILE)
{
	int fd;
	struct refusal call = {
		.flags = CLONE_PIDFD,
		.parent_tid = &fd,
		.err = -EMFILE,
		.arm = limit_files,
	};

	expect_no_trace_of_sets(_metadata, self, &call);
	expect_free(_metadata, self);
}

static void limit_cgroup(FIXTURE_DATA(levels) *self, bool on)
{
	write_str(CGROUP "pids.max", on ? "1" : "max");
}

TEST_F(levels, no_trace_of_late_EAGAIN)
{
	struct refusal call = { .err = -EAGAIN, .arm = limit_cgroup };
	pid_t member;

	write_str(CGROUP_ROOT "cgroup.subtree_control", "+pids");
	mkdir(CGROUP, 0755);
	if (access(CGROUP "pids.max", W_OK)) {
		rmdir(CGROUP);
		SKIP(return, "no cgroup2 with pids at " CGROUP_ROOT);
	}
	member = fork();
	if (!member) {
		EXPECT_EQ(0, write_str(CGROUP "cgroup.procs", "0"));
		expect_no_trace_of_sets(_metadata, self, &call);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(member));
	EXPECT_EQ(0, rmdir(CGROUP));
	expect_free(_metadata, self);
}

/*
 *   oldest   middle   youngest     without a process yet
 *   test --> init --> init --> caller . . . . first
 *
 * Refused calls leave it as it was, and the next fork is its init.
 */
FIXTURE(empty)
{
	struct nspid busy;
	pid_t free[DEPTH];
};

FIXTURE_SETUP(empty)
{
	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	free_pids(self->free, DEPTH);
	nest(DEPTH - 1);
	self->busy = read_nspid("/proc/self/status");
}

FIXTURE_TEARDOWN(empty)
{
}

TEST_F(empty, no_trace)
{
	const pid_t *busy = self->busy.pid, *free = self->free;
	const struct {
		const struct any_set *set;
		int flags;
		int err;
	} calls[] = {
		{ (void *)1, 0, -EFAULT },
		{ SET(2), 0, -EINVAL },
		{ SET(busy[2], 2), 0, -EINVAL },
		{ SET(busy[2], 0), 0, -EBUSY },
		{ SET(busy[2], 1), 0, -EBUSY },
		{ SET(busy[0], 0, 0, 0), 0, -EBUSY },
		{ SET(busy[0], free[1], free[2], 1), 0, -EBUSY },
		/* These fail when the first pid has been taken. */
		{ NULL, CLONE_PIDFD, -EFAULT },
		{ SET(0), CLONE_PIDFD, -EFAULT },
		{ SET(1), CLONE_PIDFD, -EFAULT },
		{ SET(free[0], free[1], free[2], 1), CLONE_PIDFD, -EFAULT },
	};
	struct nspid before, after, ids;
	int c, i;

	for (c = 0; c < ARRAY_SIZE(calls); c++) {
		before = plain_fork();
		must_unshare(CLONE_NEWPID);
		for (i = 0; i < TRACE_CALLS; i++) {
			EXPECT_EQ(calls[c].err,
				  clone_with_pids(SIGCHLD | calls[c].flags,
						  NULL, (int *)1, NULL, 0,
						  calls[c].set)) {
				TH_LOG("call %d", c);
			}
		}
		after = plain_fork();
		ASSERT_EQ(DEPTH + 1, after.n);
		for (i = 1; i < DEPTH; i++)
			EXPECT_EQ(before.pid[i] + 1, after.pid[i]);
		EXPECT_EQ(1, after.pid[DEPTH]);

		/* back to where the next such namespace can be made */
		ASSERT_EQ(0, setns(open("/proc/self/ns/pid", O_RDONLY),
				   CLONE_NEWPID));
	}
	EXPECT_EQ(free[2], spawn(0, SET(free[0], free[1], free[2]), &ids));
}

/* Races */

struct race {
	pthread_barrier_t barrier;
	struct any_set set[RACERS];
	int result[RACERS];
};

/* A winner's child stays until all have had their try. */
static void run_a_round(struct race *race, int me, struct clone_stack *stack)
{
	pthread_barrier_wait(&race->barrier);
	race->result[me] = clone_on_stack(CHEAP | SIGCHLD, stack, NULL, NULL, 0,
					  &race->set[me], stay, NULL);
	pthread_barrier_wait(&race->barrier);
	if (race->result[me] > 0)
		let_go(race->result[me]);
	pthread_barrier_wait(&race->barrier);
}

FIXTURE(race)
{
	struct race *race;
	struct clone_stack *stack;
	pid_t p, q, r, s;
};

FIXTURE_VARIANT(race)
{
	int nest;
};

/*
 *   oldest   middle   youngest
 *   test --> init --> init --> racers
 */
FIXTURE_VARIANT_ADD(race, three) {
	.nest = 2,
};

/*
 *   0        1                 32
 *   test --> init --> ... -->  init --> racers
 */
FIXTURE_VARIANT_ADD(race, deepest) {
	.nest = MAX_LEVELS - 1,
};

FIXTURE_SETUP(race)
{
	pthread_barrierattr_t attr;
	pid_t pid;
	int i;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	self->p = free_pid();
	self->q = free_pid();
	self->r = free_pid();
	self->s = free_pid();
	nest(variant->nest);

	self->race = shared(sizeof(*self->race));
	ASSERT_EQ(0, pthread_barrierattr_init(&attr));
	ASSERT_EQ(0, pthread_barrierattr_setpshared(&attr,
						    PTHREAD_PROCESS_SHARED));
	ASSERT_EQ(0, pthread_barrier_init(&self->race->barrier, &attr, RACERS));
	for (i = 0; i < RACERS; i++) {
		self->stack = shared(sizeof(*self->stack));
		pin_to_cpu(i % 2);
		/* the last one is the test itself */
		if (i == RACERS - 1)
			break;
		pid = fork();
		ASSERT_LE(0, pid);
		while (!pid)
			run_a_round(self->race, i, self->stack);
	}
}

/* The other racers, at the barrier, go with their namespace's init. */
FIXTURE_TEARDOWN(race)
{
}

static void expect_one_winner(struct __test_metadata *const _metadata,
			      FIXTURE_DATA(race) *self,
			      const struct any_set *set)
{
	struct race *race = self->race;
	int round, i, won;

	for (i = 0; i < RACERS; i++)
		race->set[i] = *set;
	for (round = 0; round < RACE_ROUNDS; round++) {
		run_a_round(race, RACERS - 1, self->stack);
		for (i = 0, won = 0; i < RACERS; i++) {
			if (race->result[i] > 0)
				won++;
			else
				ASSERT_EQ(-EBUSY, race->result[i]);
		}
		ASSERT_EQ(1, won);
	}
}

/* The set for @oldest and @youngest, with the kernel's choice in between. */
static struct any_set both(const FIXTURE_VARIANT(race) *variant,
			   pid_t oldest, pid_t youngest)
{
	struct any_set set = { .num_pids = variant->nest + 1 };

	set.pids[0] = oldest;
	set.pids[variant->nest] = youngest;
	return set;
}

TEST_F(race, for_the_same_set)
{
	const struct any_set set = both(variant, self->p, self->q);

	expect_one_winner(_metadata, self, &set);
}

TEST_F(race, for_the_same_pid_at_the_oldest)
{
	const struct any_set set = both(variant, self->p, 0);

	expect_one_winner(_metadata, self, &set);
}

TEST_F(race, for_the_same_pid_at_the_youngest)
{
	expect_one_winner(_metadata, self, SET(self->q));
}

/*
 * Two ask for p and q, one for p and r, one for s and q. Either one of the
 * first two gets them, or both of the others do. There can be no other result:
 * one that was refused because of one that was refused itself met a ghost.
 */
TEST_F(race, for_overlapping_sets)
{
	struct race *race = self->race;
	int round, i, ghosts = 0;

	race->set[0] = both(variant, self->p, self->q);
	race->set[1] = both(variant, self->p, self->q);
	race->set[2] = both(variant, self->p, self->r);
	race->set[3] = both(variant, self->s, self->q);
	for (round = 0; round < 3 * RACE_ROUNDS; round++) {
		int first, others;

		run_a_round(race, RACERS - 1, self->stack);
		for (i = 0; i < RACERS; i++)
			if (race->result[i] < 0)
				ASSERT_EQ(-EBUSY, race->result[i]);
		first = (race->result[0] > 0) + (race->result[1] > 0);
		others = (race->result[2] > 0) + (race->result[3] > 0);
		ghosts += 2 * first + others != 2;
	}
	TH_LOG("%d rounds, %d with ghosts", round, ghosts);
	EXPECT_EQ(0, ghosts);
}

TEST_HARNESS_MAIN
