// SPDX-License-Identifier: GPL-2.0
/*
 * Which namespaces a set applies to when the child is not created in those of its
 * parent: CLONE_NEWPID, unshare(), setns(); namespaces that have no init yet, and
 * those that are dead or below a dead one. The tests of fork(), clone() and
 * clone3() run on kernels without clone_with_pids(), too.
 */
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "privilege.h"
#include "proc.h"
#include "stalled_call.h"

/*
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller --> child
 */
FIXTURE(newpid)
{
	pid_t free[DEPTH + 1];
	pid_t busy;		/* in the youngest */
};

FIXTURE_VARIANT_EACH_ABI(newpid);

FIXTURE_SETUP(newpid)
{
	int i;

	SKIP_IF(return, lacks_call(variant->nr));
	for (i = 0; i <= DEPTH; i++)
		self->free[i] = free_pid();
	nest(DEPTH - 1);
	self->busy = getpid();
}

FIXTURE_TEARDOWN(newpid)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

/* The set applies to the existing namespaces, not to the new one. */
TEST_F(newpid, full_set)
{
	struct nspid ids;
	int i;

	EXPECT_EQ(self->free[2],
		  spawn(CLONE_NEWPID, SET(self->free[0], self->free[1],
					  self->free[2]), &ids));
	ASSERT_EQ(DEPTH + 1, ids.n);
	for (i = 0; i < DEPTH; i++)
		EXPECT_EQ(self->free[i], ids.pid[i]);
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

TEST_F(newpid, short_set)
{
	struct nspid ids;

	EXPECT_EQ(self->free[2],
		  spawn(CLONE_NEWPID, SET(self->free[2]), &ids));
	ASSERT_EQ(DEPTH + 1, ids.n);
	EXPECT_NE(self->free[2], ids.pid[1]);
	EXPECT_EQ(self->free[2], ids.pid[2]);
	EXPECT_EQ(1, ids.pid[3]);

	EXPECT_LT(0, spawn(CLONE_NEWPID, SET(self->free[1], 0), &ids));
	EXPECT_EQ(self->free[1], ids.pid[1]);
	EXPECT_EQ(1, ids.pid[3]);

	EXPECT_LT(0, spawn(CLONE_NEWPID, NULL, &ids));
	EXPECT_EQ(1, ids.pid[3]);
}

TEST_F(newpid, too_long)
{
	struct any_set set = { .num_pids = levels() + 1 };
	struct nspid ids;

	/* as many entries as the child has pids */
	EXPECT_EQ(-EINVAL, spawn(CLONE_NEWPID, &set, &ids));
	set.pids[set.num_pids - 1] = 1;
	EXPECT_EQ(-EINVAL, spawn(CLONE_NEWPID, &set, &ids));
	set.num_pids--;
	EXPECT_LT(0, spawn(CLONE_NEWPID, &set, &ids));
}

TEST_F(newpid, errnos)
{
	struct nspid ids;

	EXPECT_EQ(-EBUSY, spawn(CLONE_NEWPID, SET(self->busy), &ids));
	/* 1 is free in the new namespace, but the set does not apply to it */
	EXPECT_EQ(-EBUSY, spawn(CLONE_NEWPID, SET(1), &ids));
	EXPECT_EQ(-EINVAL, spawn(CLONE_NEWPID, SET(-1), &ids));
}

/* After unshare(), children are created one level down. */
TEST_F(newpid, unshare)
{
	struct nspid ids;

	must_unshare(CLONE_NEWPID);
	EXPECT_EQ(self->free[2],
		  spawn(0, SET(self->free[0], self->free[1],
			       self->free[2], 0), &ids));
	ASSERT_EQ(DEPTH + 1, ids.n);
	EXPECT_EQ(self->free[0], ids.pid[0]);
	EXPECT_EQ(self->free[1], ids.pid[1]);
	EXPECT_EQ(self->free[2], ids.pid[2]);
	EXPECT_EQ(1, ids.pid[3]);
}

TEST_F(newpid, unshare_counts_a_level)
{
	const unsigned int before = levels();
	struct any_set set = { .num_pids = before + 2 };
	struct nspid ids;

	must_unshare(CLONE_NEWPID);
	EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
	set.num_pids--;
	EXPECT_LT(0, spawn(0, &set, &ids));
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

/* As clone(): unshare() and CLONE_NEWPID do not go together. */
TEST_F(newpid, unshare_and_newpid)
{
	struct nspid ids;

	must_unshare(CLONE_NEWPID);
	EXPECT_EQ(-EINVAL, spawn(CLONE_NEWPID, NULL, &ids));
	EXPECT_EQ(-EINVAL, spawn(CLONE_NEWPID, SET(0), &ids));
	EXPECT_EQ(-EINVAL, spawn(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM,
				 SET(0), &ids));
	EXPECT_LT(0, spawn(0, SET(0), &ids));
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

/*
 *   oldest        middle       youngest     without a process yet
 *   test      --> init     --> init --> caller . . . . first
 */
TEST_F(newpid, first_process_can_be_1)
{
	struct nspid ids;

	must_unshare(CLONE_NEWPID);
	EXPECT_LT(0, spawn(0, SET(1), &ids));
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

TEST_F(newpid, first_process_cannot_be_another)
{
	const int bad[] = { 2, 3, 299, 300, 301, self->free[0], -1, INT_MAX };
	struct nspid ids;
	int i;

	must_unshare(CLONE_NEWPID);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, spawn(0, SET(bad[i]), &ids)) {
			TH_LOG("first process %d", bad[i]);
		}
		/* found before a pid that is in use */
		EXPECT_EQ(-EINVAL, spawn(0, SET(self->busy, bad[i]), &ids));
	}
	/* and the namespace is still usable */
	EXPECT_EQ(self->free[2], spawn(0, SET(self->free[2], 1), &ids));
	EXPECT_EQ(self->free[2], ids.pid[DEPTH - 1]);
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

/* With an init, any other pid can be requested. */
TEST_F(newpid, second_process)
{
	struct nspid ids;
	int init;

	must_unshare(CLONE_NEWPID);
	init = hold(SET(0));
	ASSERT_LT(0, init);
	EXPECT_EQ(-EBUSY, spawn(0, SET(1), &ids));
	EXPECT_LT(0, spawn(0, SET(self->free[3]), &ids));
	EXPECT_EQ(self->free[3], ids.pid[DEPTH]);
	EXPECT_LT(0, spawn(0, SET(2), &ids));
	EXPECT_EQ(2, ids.pid[DEPTH]);
	let_go(init);
}

/* No process can be created once init is gone: ENOMEM, as clone(). */
TEST_F(newpid, init_gone)
{
	struct nspid before, after, ids;
	int init, i;

	must_unshare(CLONE_NEWPID);
	init = hold(SET(0));
	ASSERT_LT(0, init);
	before = plain_fork();
	let_go(init);

	EXPECT_EQ(-1, fork());
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(-ENOMEM, spawn(0, NULL, &ids));
	EXPECT_EQ(-ENOMEM, spawn(0, SET(0), &ids));
	EXPECT_EQ(-ENOMEM, spawn(0, SET(0, 0, 0, 0), &ids));
	EXPECT_EQ(-ENOMEM, spawn(0, SET(self->free[3]), &ids));
	EXPECT_EQ(-ENOMEM, spawn(0, SET(1), &ids));
	EXPECT_EQ(-ENOMEM, spawn(0, SET(self->free[0], self->free[1],
					self->free[2], self->free[3]), &ids));
	EXPECT_EQ(-EINVAL, spawn(0, SET(-1), &ids));

	/* There is no trace in the older namespaces. */
	ASSERT_EQ(0, setns(open("/proc/self/ns/pid", O_RDONLY), CLONE_NEWPID));
	after = plain_fork();
	for (i = 1; i < DEPTH; i++)
		EXPECT_EQ(before.pid[i] + 1, after.pid[i]);
	EXPECT_EQ(self->free[2], spawn(0, SET(self->free[0], self->free[1],
					      self->free[2]), &ids));
}

/*
 *   oldest        middle       youngest
 *   caller . . . . . . . . . . children
 *
 * then back to where the caller is.
 */
FIXTURE(setns)
{
	pid_t free[DEPTH];
	pid_t init;		/* the youngest namespace's, as the caller sees it */
};

FIXTURE_VARIANT_EACH_ABI(setns);

FIXTURE_SETUP(setns)
{
	SKIP_IF(return, lacks_call(variant->nr));
	free_pids(self->free, DEPTH);
	self->init = nest_children(DEPTH - 1);
}

FIXTURE_TEARDOWN(setns)
{
}

TEST_F(setns, down)
{
	struct nspid ids;
	int i;

	/* The result is the pid where the caller is, not the youngest. */
	EXPECT_EQ(self->free[0], spawn(0, SET(self->free[0], self->free[1],
					      self->free[2]), &ids));
	ASSERT_EQ(DEPTH, ids.n);
	for (i = 0; i < DEPTH; i++)
		EXPECT_EQ(self->free[i], ids.pid[i]);

	EXPECT_EQ(-EBUSY, spawn(0, SET(getpid(), 0, 0), &ids));
	EXPECT_EQ(-EBUSY, spawn(0, SET(self->init, 0, 0), &ids));
	EXPECT_EQ(-EBUSY, spawn(0, SET(0, 1, 0), &ids));
	EXPECT_EQ(-EBUSY, spawn(0, SET(0, 0, 1), &ids));
}

TEST_F(setns, and_back)
{
	const unsigned int below = levels();
	struct any_set set = { .num_pids = below };
	struct nspid ids;

	ASSERT_EQ(0, setns(open("/proc/self/ns/pid", O_RDONLY), CLONE_NEWPID));
	EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
	EXPECT_EQ(below - (DEPTH - 1), levels());
	EXPECT_EQ(self->free[0], spawn(0, SET(self->free[0]), &ids));
	EXPECT_EQ(1, ids.n);
}

TEST_F(setns, init_killed_from_outside)
{
	struct nspid ids;
	int tries = 200, rc;

	kill(self->init, SIGKILL);
	/* It takes a moment. */
	do {
		usleep(10000);
		rc = spawn(0, SET(self->free[0], 0, self->free[2]), &ids);
	} while (rc != -ENOMEM && --tries);
	EXPECT_EQ(-ENOMEM, rc);
	EXPECT_EQ(-ENOMEM, spawn(0, SET(0, 0, 0), &ids));
	EXPECT_EQ(-ENOMEM, spawn(0, NULL, &ids));
}

/*
 *   0             1        2        3        4
 *   caller . . . . . . . . . . . . . . . . . children
 *     `-> helper --> init --> init --> init . .
 *
 * The init of one level is killed, and its namespace is dead.
 */
FIXTURE(dead)
{
	struct chain chain;
	int n;			/* levels of a child */
	pid_t free;
};

/*
 * @last:	level that children are born at
 * @dead:	oldest level that is dead
 * @alone:	the younger ones are alive: their inits are being killed, too,
 *		but a tracer keeps them from exiting
 */
FIXTURE_VARIANT(dead)
{
	int last;
	int dead;
	bool alone;
};

FIXTURE_VARIANT_ADD(dead, oldest) {
	.last = 4,
	.dead = 1,
};

FIXTURE_VARIANT_ADD(dead, only_oldest) {
	.last = 4,
	.dead = 1,
	.alone = true,
};

FIXTURE_VARIANT_ADD(dead, middle) {
	.last = 4,
	.dead = 2,
};

FIXTURE_VARIANT_ADD(dead, only_middle) {
	.last = 4,
	.dead = 2,
	.alone = true,
};

FIXTURE_VARIANT_ADD(dead, parent) {
	.last = 4,
	.dead = 3,
};

FIXTURE_VARIANT_ADD(dead, youngest) {
	.last = 4,
	.dead = 4,
};

FIXTURE_VARIANT_ADD(dead, only_oldest_of_33) {
	.last = MAX_LEVELS - 1,
	.dead = 1,
	.alone = true,
};

/* Kills the init of a namespace, and waits until the namespace is empty. */
static void wait_until_dead(struct __test_metadata *const _metadata, pid_t init)
{
	struct pollfd pfd = {
		.fd = syscall(SYS_pidfd_open, init, 0),
		.events = POLLIN,
	};

	ASSERT_LE(0, pfd.fd);
	ASSERT_EQ(0, kill(init, SIGKILL));
	ASSERT_EQ(1, poll(&pfd, 1, 10000));
	close(pfd.fd);
}

/*
 * With PTRACE_O_TRACEEXIT, a tracee stops before it exits. When the first one
 * stops, the older init has disabled pid allocation and killed all.
 */
static void kill_alone(struct __test_metadata *const _metadata,
		       const struct chain *chain, int dead)
{
	int level, status;

	for (level = dead + 1; level < chain->last; level++) {
		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, chain->init[level], 0,
				    PTRACE_O_TRACEEXIT));
	}
	ASSERT_EQ(0, kill(chain->init[dead], SIGKILL));
	for (level = dead + 1; level < chain->last; level++) {
		ASSERT_EQ(chain->init[level],
			  waitpid(chain->init[level], &status, __WALL));
		ASSERT_TRUE(WIFSTOPPED(status));
		ASSERT_EQ(SIGTRAP | PTRACE_EVENT_EXIT << 8, status >> 8);
	}
}

static void enter(struct __test_metadata *const _metadata,
		  const struct chain *chain, int level)
{
	ASSERT_EQ(0, setns(chain->ns[level], CLONE_NEWPID));
}

/* Creates an idle child. */
static pid_t fork_idle(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid < 0 ? -errno : pid;
}

FIXTURE_SETUP(dead)
{
	self->n = variant->last + 1;
	self->free = free_pid();
	pass_reserved_pids();
	make_chain(&self->chain, variant->last);
	enter(_metadata, &self->chain, variant->last);
	if (variant->dead == variant->last) {
		pid_t init = fork_idle();

		ASSERT_LT(0, init);
		let_go(init);
	} else if (variant->alone) {
		kill_alone(_metadata, &self->chain, variant->dead);
	} else {
		wait_until_dead(_metadata, self->chain.init[variant->dead]);
	}
}

FIXTURE_TEARDOWN(dead)
{
}

/*
 * The call is refused because of the dead namespace, or of @also, and there is
 * no trace of it at the levels that are alive and older. In the oldest there
 * may be other processes that fork, and then it takes more tries.
 */
static void expect_dead(struct __test_metadata *const _metadata,
			FIXTURE_DATA(dead) *self, int dead,
			int (*make)(const struct any_set *set),
			const struct any_set *set, int also)
{
	const struct any_set full = {
		.num_pids = dead, .pids = { self->free },
	};
	struct nspid before, after, ids;
	int i, rc, tries = 50;

	do {
		enter(_metadata, &self->chain, dead - 1);
		before = plain_fork();
		enter(_metadata, &self->chain, self->chain.last);
		rc = make(set);
		if (!rc)
			_exit(0);
		if (rc > 0)
			wait_exit(rc);
		if (rc != also)
			ASSERT_EQ(-ENOMEM, rc);

		enter(_metadata, &self->chain, dead - 1);
		after = plain_fork();
		ASSERT_EQ(dead, after.n);
		for (i = 1; i < dead; i++) {
			ASSERT_EQ(before.pid[i] + 1, after.pid[i]) {
				TH_LOG("level %d", i);
			}
		}
	} while (after.pid[0] != before.pid[0] + 1 && --tries);
	EXPECT_EQ(before.pid[0] + 1, after.pid[0]);

	if (set && set->pids[0] == self->free && !lacks_call(call_nr))
		EXPECT_LT(0, spawn(0, &full, &ids));
}

static int make_fork(const struct any_set *set)
{
	pid_t pid = fork();

	return pid < 0 ? -errno : pid;
}

static int make_clone3(const struct any_set *set)
{
	pid_t set_tid[MAX_LEVELS];
	int i;

	if (!set)
		return clone3_set_tid(0, NULL, 0);
	for (i = 0; i < set->num_pids; i++)
		set_tid[i] = set->pids[set->num_pids - 1 - i];
	return clone3_set_tid(0, set_tid, set->num_pids);
}

static int make_clone_with_pids(const struct any_set *set)
{
	return clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, set);
}

TEST_F(dead, fork)
{
	expect_dead(_metadata, self, variant->dead, make_fork, NULL, -ENOMEM);
}

/* A set for all levels: @oldest, and pids that are free where there are any. */
static struct any_set set_of(FIXTURE_DATA(dead) *self, pid_t oldest)
{
	struct any_set set = { .num_pids = self->n, .pids = { oldest } };
	int i;

	for (i = 1; i < self->n - 1; i++)
		set.pids[i] = self->free + i;
	set.pids[i] = 1;
	return set;
}

/* The last @n entries of the set. */
static const struct any_set *youngest_of(const struct any_set *set, int n)
{
	static struct any_set part;

	part = (struct any_set){ .num_pids = n };
	memcpy(part.pids, set->pids + set->num_pids - n, n * sizeof(pid_t));
	return &part;
}

TEST_F(dead, clone3)
{
	struct any_set free = set_of(self, self->free);
	struct any_set busy = set_of(self, getpid());

	expect_dead(_metadata, self, variant->dead, make_clone3, NULL, -ENOMEM);
	expect_dead(_metadata, self, variant->dead, make_clone3, SET(1), -ENOMEM);
	if (self->n == MAX_LEVELS)
		return;		/* clone3() stops at 32 */
	expect_dead(_metadata, self, variant->dead, make_clone3, &free, -ENOMEM);
	/* Which of two errors is found first is open. */
	expect_dead(_metadata, self, variant->dead, make_clone3, &busy, -EEXIST);
}

TEST_F(dead, clone_with_pids)
{
	struct any_set zeros = { .num_pids = self->n };
	struct any_set free = set_of(self, self->free);
	struct any_set busy = set_of(self, getpid());
	struct nspid ids;
	int i;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	expect_dead(_metadata, self, variant->dead, make_clone_with_pids, NULL, -ENOMEM);
	expect_dead(_metadata, self, variant->dead, make_clone_with_pids, SET(0), -ENOMEM);
	expect_dead(_metadata, self, variant->dead, make_clone_with_pids, SET(1), -ENOMEM);
	expect_dead(_metadata, self, variant->dead, make_clone_with_pids, &zeros, -ENOMEM);
	expect_dead(_metadata, self, variant->dead, make_clone_with_pids, &free, -ENOMEM);
	expect_dead(_metadata, self, variant->dead, make_clone_with_pids, &busy, -EBUSY);
	/* A free or a busy pid at any level, in a full and in a short set */
	for (i = 0; i < self->n; i++) {
		struct any_set one = zeros;

		one.pids[i] = free.pids[i];
		expect_dead(_metadata, self, variant->dead, make_clone_with_pids,
			    &one, -ENOMEM);
		one.pids[i] = 1;
		expect_dead(_metadata, self, variant->dead, make_clone_with_pids,
			    &one, -EBUSY);
		expect_dead(_metadata, self, variant->dead, make_clone_with_pids,
			    youngest_of(&one, self->n - i), -EBUSY);
	}

	/* Errors in the set itself are found first. */
	enter(_metadata, &self->chain, self->chain.last);
	EXPECT_EQ(-EINVAL, spawn(0, SET(-1), &ids));
	free.pids[0] = INT_MAX;
	EXPECT_EQ(-EINVAL, spawn(0, &free, &ids));
	keep_caps(0);
	EXPECT_EQ(-EPERM, spawn(0, NULL, &ids));
}

/*
 *   0             1        2        3
 *   caller . . . . . . . . . . . . . children
 *     `-> helper --> init --> init . .
 *
 * The namespace has been made by another task, and has no init.
 */
FIXTURE(first)
{
	struct chain chain;
	pid_t free[DEPTH + 1];
};

FIXTURE_SETUP(first)
{
	free_pids(self->free, DEPTH + 1);
	make_chain(&self->chain, DEPTH);
	enter(_metadata, &self->chain, DEPTH);
}

FIXTURE_TEARDOWN(first)
{
}

/* The pid of a child of the caller in the youngest namespace */
static pid_t youngest_pid(pid_t pid)
{
	char path[32];
	struct nspid ids;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	ids = read_nspid(path);
	return ids.n ? ids.pid[ids.n - 1] : -ESRCH;
}

/* The next is init, and another one comes after it. */
static void expect_usable(struct __test_metadata *const _metadata)
{
	pid_t init = fork_idle(), second;

	ASSERT_LT(0, init);
	EXPECT_EQ(1, youngest_pid(init));
	second = fork_idle();
	ASSERT_LT(0, second);
	EXPECT_EQ(2, youngest_pid(second));
	let_go(second);
	let_go(init);
}

TEST_F(first, is_1)
{
	expect_usable(_metadata);
}

/* The set applies to the namespace of init and to older ones. */
TEST_F(first, has_other_pids_above)
{
	struct nspid ids;
	int i;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	EXPECT_LT(0, spawn(0, SET(1001, 1), &ids));
	ASSERT_EQ(DEPTH + 1, ids.n);
	EXPECT_EQ(1001, ids.pid[DEPTH - 1]);
	EXPECT_EQ(1, ids.pid[DEPTH]);

	/* with init gone the namespace is dead */
	EXPECT_EQ(-ENOMEM, spawn(0, SET(1001, 1), &ids));

	enter(_metadata, &self->chain, 0);
	make_chain(&self->chain, DEPTH);
	enter(_metadata, &self->chain, DEPTH);
	EXPECT_EQ(self->free[0],
		  spawn(0, SET(self->free[0], self->free[1], self->free[2], 1),
			&ids));
	ASSERT_EQ(DEPTH + 1, ids.n);
	for (i = 0; i < DEPTH; i++)
		EXPECT_EQ(self->free[i], ids.pid[i]);
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

TEST_F(first, has_other_pids_above_by_clone3)
{
	pid_t init = make_clone3(SET(1001, 1));

	if (!init) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	ASSERT_LT(0, init);
	EXPECT_EQ(1, youngest_pid(init));
	EXPECT_EQ(-EEXIST, make_clone3(SET(1001, 5)));
	EXPECT_EQ(-EEXIST, make_clone3(SET(1002, 1)));
	let_go(init);
}

TEST_F(first, cannot_be_another)
{
	const int bad[] = { 2, 3, 299, 300, 301, 1001, -1, INT_MIN, INT_MAX };
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, make_clone3(SET(bad[i])));
		/* found before the one that is in use above */
		EXPECT_EQ(-EINVAL, make_clone3(SET(1, bad[i])));
	}
	expect_usable(_metadata);
}

TEST_F(first, cannot_be_another_by_any_set)
{
	const int bad[] = { 2, 3, 299, 300, 301, 1001, -1, INT_MIN, INT_MAX };
	const pid_t *free = self->free;
	struct nspid ids;
	int i;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, spawn(0, SET(bad[i]), &ids)) {
			TH_LOG("first process %d", bad[i]);
		}
		EXPECT_EQ(-EINVAL, spawn(0, SET(1, bad[i]), &ids));
		EXPECT_EQ(-EINVAL, spawn(0, SET(0, 0, 0, bad[i]), &ids));
		EXPECT_EQ(-EINVAL, spawn(0, SET(free[0], free[1], free[2],
						bad[i]), &ids));
		EXPECT_EQ(-EINVAL, spawn(0, SET(getpid(), 0, 0, bad[i]), &ids));
	}
	EXPECT_EQ(-EBUSY, spawn(0, SET(getpid(), 0, 0, 1), &ids));
	expect_usable(_metadata);
}

/* A first fork that fails late, time and again, and then one that succeeds. */
static void fail_late(struct __test_metadata *const _metadata, long nr)
{
	struct rlimit limit, none;
	int fd, i;

	call_nr = nr;
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EFAULT, clone_with_pids(CLONE_PIDFD | SIGCHLD, NULL,
						   (void *)1, NULL, 0, NULL));
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
		EXPECT_EQ(-EMFILE, clone_with_pids(CLONE_PIDFD | SIGCHLD, NULL,
						   &fd, NULL, 0, NULL));
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	}
	expect_usable(_metadata);
}

/* clone() takes the same arguments, except for the set. */
TEST_F(first, fails_late)
{
	fail_late(_metadata, SYS_clone);
}

TEST_F(first, fails_late_with_pids)
{
	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	fail_late(_metadata, __NR_clone_with_pids);
}

/*
 * While a call that would create the init waits for its pidfd to be stored,
 * another task forks: its child is the init.
 */
static void race_to_be_first(struct __test_metadata *const _metadata,
			     FIXTURE_DATA(first) *self, const char *name, long nr,
			     const void *set, bool store, bool kill, int err)
{
	struct stalled_call *call;
	pid_t init;

	enter(_metadata, &self->chain, 0);
	make_chain(&self->chain, DEPTH);
	call = prepare_call(nr, set, self->chain.ns[DEPTH]);
	ASSERT_TRUE(!!call);
	ASSERT_TRUE(stall_call(call));

	enter(_metadata, &self->chain, DEPTH);
	init = fork_idle();
	ASSERT_LT(0, init);
	ASSERT_EQ(1, youngest_pid(init));
	if (kill)
		let_go(init);
	EXPECT_EQ(err, finish_call(call, store) < 0 ? call->result : 0) {
		TH_LOG("%s, pidfd %s, init %s", name,
		       store ? "stored" : "not stored",
		       kill ? "killed" : "alive");
	}
	if (!err)
		EXPECT_EQ(2, call->ids.pid[DEPTH]) {
			TH_LOG("%s", name);
		}
	if (!kill)
		let_go(init);
	enter(_metadata, &self->chain, 0);
}

TEST_F(first, while_another_waits)
{
	SKIP_IF(return, lacks_userfaultfd());
	race_to_be_first(_metadata, self, "clone", SYS_clone, NULL, true, false, 0);
	race_to_be_first(_metadata, self, "clone", SYS_clone, NULL, false, false, -EFAULT);
	race_to_be_first(_metadata, self, "clone", SYS_clone, NULL, true, true, -ENOMEM);
}

TEST_F(first, while_another_waits_with_pids)
{
	const pid_t *free = self->free;
	const struct {
		const char *name;
		const struct any_set *set;
		int err;
	} calls[] = {
		{ "no set", NULL },
		{ "any pid", SET(0) },
		{ "free pids, any as first", SET(free[0], free[1], free[2], 0) },
		{ "pid 1", SET(1), -EBUSY },
		{ "free pids, pid 1", SET(free[0], free[1], free[2], 1), -EBUSY },
	};
	const long nr = __NR_clone_with_pids;
	int i;

	SKIP_IF(return, lacks_call(nr));
	SKIP_IF(return, lacks_userfaultfd());
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct any_set *set = calls[i].set;
		const char *name = calls[i].name;

		race_to_be_first(_metadata, self, name, nr, set, true, false,
				 calls[i].err);
		race_to_be_first(_metadata, self, name, nr, set, false, false,
				 -EFAULT);
		race_to_be_first(_metadata, self, name, nr, set, true, true,
				 -ENOMEM);
	}
}

TEST_HARNESS_MAIN
