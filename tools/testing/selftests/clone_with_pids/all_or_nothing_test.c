// SPDX-License-Identifier: GPL-2.0
/*
 * All of a child's pids are taken in one step, or none:
 *
 *  - no ghosts: a call that is refused does not hold, even for a moment, pids
 *    that it requested;
 *  - no trace: after a refused call the next fork gets the pid that it would
 *    have got anyway, in every namespace;
 *  - both hold for all that a caller can make fail: pids are taken last;
 *  - of several callers that race for the same pids, exactly one gets them.
 *
 * A kernel that takes the pids level by level shows ghosts when the busy level
 * comes after the free one, and in the race for overlapping sets.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "privilege.h"
#include "proc.h"
#include "stalled_call.h"
#include "util.h"

#define GHOST_MS	350	/* for each order in each topology */
#define LATE_GHOST_MS	150	/* for each late failure */
#define GHOST_TRIES	200	/* at least so many calls */
#define RACE_ROUNDS	100	/* for each set of pids */
#define RACERS		4
#define TRACE_CALLS	10	/* refused calls between two forks */
#define TRACE_TRIES	50	/* until no other process forks in between */

FIXTURE(levels)
{
	int n;				/* levels, from where the test started */
	pid_t free[MAX_LEVELS];
	pid_t busy[MAX_LEVELS];		/* in use at each level */
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

/* With only one CPU, both run there, and preemption makes them race. */
static void pin_to_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* What makes a call fail late, without effect on other processes */

static void limit_files(FIXTURE_DATA(levels) *self, bool on)
{
	struct rlimit limit;
	int next = dup(STDERR_FILENO);

	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = on ? next : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* See join_cgroup(). */
static void limit_cgroup(FIXTURE_DATA(levels) *self, bool on)
{
	write_str(CGROUP "pids.max", on ? "1" : "max");
}

/* See become_ordinary_user(). */
static void limit_processes(FIXTURE_DATA(levels) *self, bool on)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NPROC, &limit);
	limit.rlim_cur = on ? 1 : limit.rlim_max;
	setrlimit(RLIMIT_NPROC, &limit);
}

/* For one process: see join_cgroup(). */
static const char *make_cgroup(void)
{
	write_str(CGROUP_ROOT "cgroup.subtree_control", "+pids");
	mkdir(CGROUP, 0755);
	if (!access(CGROUP "pids.max", W_OK))
		return NULL;
	rmdir(CGROUP);
	return "no cgroup2 with pids at " CGROUP_ROOT;
}

static void join_cgroup(void)
{
	if (write_str(CGROUP "cgroup.procs", "0"))
		_exit(KSFT_FAIL);
}

/* RLIMIT_NPROC applies to this user, which has the privilege to call. */
static void become_ordinary_user(void)
{
	const uid_t uid = 65534;

	if (prctl(PR_SET_KEEPCAPS, 1) || setresuid(uid, uid, uid))
		_exit(KSFT_FAIL);
	keep_caps(CAP_BIT(CAP_CHECKPOINT_RESTORE));
}

/*
 * A call that is refused, and the expected errno. @arm sets up, and undoes, a
 * reason outside of the call.
 */
struct refusal {
	struct any_set set;
	const void *set_pointer;	/* instead of @set */
	int flags;
	void *parent_tid;
	int err;
	int also;			/* another possible errno */
	void (*prepare)(void);		/* in a process made for the calls */
	void (*arm)(FIXTURE_DATA(levels) *self, bool on);
};

/* No ghosts */

struct asker {
	atomic_bool stop;
	atomic_ulong calls;
	unsigned long other;		/* unexpected results */
	struct clone_stack stack;
};

/* Makes calls that are refused until it is told to stop. */
static void ask_in_vain(struct asker *asker, FIXTURE_DATA(levels) *self,
			const struct refusal *call)
{
	pin_to_cpu(0);
	if (call->prepare)
		call->prepare();
	if (call->arm)
		call->arm(self, true);
	while (!atomic_load(&asker->stop)) {
		int rc = clone_on_stack(CHEAP | call->flags | SIGCHLD,
					&asker->stack, call->parent_tid, NULL,
					0, &call->set, exit_at_once, NULL);

		asker->calls++;
		if (rc != call->err && rc != call->also)
			asker->other++;
		if (rc > 0)
			wait_exit(rc);
	}
}

/*
 * While one process makes @call and is refused, another creates children with
 * the pids that @call requests, too, and must never get EBUSY.
 */
static void find_ghosts(struct __test_metadata *const _metadata,
			FIXTURE_DATA(levels) *self, const struct refusal *call,
			const struct any_set *wanted, int ms)
{
	struct asker *asker = shared(sizeof(*asker));
	struct clone_stack *stack = shared(sizeof(*stack));
	unsigned long tries = 0, ghosts = 0, other = 0;
	long long end;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ask_in_vain(asker, self, call);
		_exit(0);
	}

	pin_to_cpu(1);
	end = now_ms() + ms;
	while (now_ms() < end || tries < GHOST_TRIES ||
	       atomic_load(&asker->calls) < GHOST_TRIES) {
		int rc = clone_on_stack(CHEAP | SIGCHLD, stack, NULL, NULL, 0,
					wanted, exit_at_once, NULL);

		tries++;
		if (rc == -EBUSY)
			ghosts++;
		else if (rc < 0 || wait_exit(rc))
			other++;
	}
	atomic_store(&asker->stop, true);
	EXPECT_EQ(0, wait_exit(pid));

	TH_LOG("errno %d: %lu tries beside %lu refused calls, %lu ghosts",
	       -call->err, tries, asker->calls, ghosts);
	EXPECT_EQ(0, ghosts);
	EXPECT_EQ(0, other);
	EXPECT_EQ(0, asker->other);
	munmap(asker, sizeof(*asker));
	munmap(stack, sizeof(*stack));
}

static const char *lacks_second_cpu(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) < 2 ?
		"on one CPU nobody can come in between" : NULL;
}

/* The refused call requests a free pid at one level and a busy one at another. */
static void find_ghosts_of_EBUSY(struct __test_metadata *const _metadata,
				 FIXTURE_DATA(levels) *self, int free, int busy)
{
	struct refusal call = { .set.num_pids = self->n, .err = -EBUSY };
	struct any_set wanted = { .num_pids = self->n };

	call.set.pids[free] = self->free[free];
	call.set.pids[busy] = self->busy[busy];
	wanted.pids[free] = self->free[free];
	find_ghosts(_metadata, self, &call, &wanted, GHOST_MS);
}

TEST_F(levels, no_ghosts_busy_at_oldest)
{
	SKIP_IF(return, lacks_second_cpu());
	find_ghosts_of_EBUSY(_metadata, self, self->n - 1, 0);
}

TEST_F(levels, no_ghosts_busy_at_youngest)
{
	SKIP_IF(return, lacks_second_cpu());
	find_ghosts_of_EBUSY(_metadata, self, 0, self->n - 1);
}

/*
 * Both request the same pids. One of the calls fails late, or with EBUSY because
 * of the other's child.
 */
static void find_late_ghosts(struct __test_metadata *const _metadata,
			     FIXTURE_DATA(levels) *self, struct refusal *call)
{
	call->set = full_set(self, self->free);
	call->also = -EBUSY;
	find_ghosts(_metadata, self, call, &call->set, LATE_GHOST_MS);
}

TEST_F(levels, no_ghosts_of_EFAULT)
{
	struct refusal call = {
		.flags = CLONE_PIDFD,
		.parent_tid = (void *)1,
		.err = -EFAULT,
	};

	SKIP_IF(return, lacks_second_cpu());
	find_late_ghosts(_metadata, self, &call);
}

TEST_F(levels, no_ghosts_of_EMFILE)
{
	int fd;
	struct refusal call = {
		.flags = CLONE_PIDFD,
		.parent_tid = &fd,
		.err = -EMFILE,
		.arm = limit_files,
	};

	SKIP_IF(return, lacks_second_cpu());
	find_late_ghosts(_metadata, self, &call);
}

TEST_F(levels, no_ghosts_of_pids_max)
{
	struct refusal call = {
		.err = -EAGAIN,
		.prepare = join_cgroup,
		.arm = limit_cgroup,
	};

	SKIP_IF(return, lacks_second_cpu());
	SKIP_IF(return, make_cgroup());
	find_late_ghosts(_metadata, self, &call);
	EXPECT_EQ(0, rmdir(CGROUP));
}

TEST_F(levels, no_ghosts_of_RLIMIT_NPROC)
{
	struct refusal call = {
		.err = -EAGAIN,
		.prepare = become_ordinary_user,
		.arm = limit_processes,
	};

	SKIP_IF(return, lacks_second_cpu());
	find_late_ghosts(_metadata, self, &call);
}

/* No trace */

/*
 * Makes refused calls between two forks. The second fork must get the pids right
 * after those of the first. Other processes may fork in the oldest namespace, so
 * several tries are made.
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

		for (i = 0; i < TRACE_CALLS; i++) {
			if (call->also && rc[i] == call->also)
				continue;
			ASSERT_EQ(call->err, rc[i]);
		}
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

/*
 * Late failures, with no request, one at either end, and requests at all levels.
 * It is open which failure is found first if a pid is in use, too.
 */
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
	call->also = -EBUSY;
	call->set.pids[self->n - 1] = self->busy[self->n - 1];
	expect_no_trace(_metadata, self, call);
	call->set = full_set(self, self->busy);
	expect_no_trace(_metadata, self, call);
}

/* The same in a process made for it. */
static void expect_no_trace_of_process(struct __test_metadata *const _metadata,
				       FIXTURE_DATA(levels) *self,
				       struct refusal *call)
{
	pid_t pid = fork();

	if (!pid) {
		call->prepare();
		expect_no_trace_of_sets(_metadata, self, call);
		_exit(!__test_passed(_metadata));
	}
	EXPECT_EQ(0, wait_exit(pid));
}

/* All pids that the refused calls requested are free. */
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
	expect_no_trace(_metadata, self, &call);
	for (i = 0; i < self->n; i += step(self)) {
		call.set = (struct any_set){ .num_pids = self->n };
		expect_no_trace(_metadata, self, &call);
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
	set_pid_max(on ? 301 : self->pid_max);
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
 * Late failures of clone(): the pidfd cannot be stored or allocated, or there are
 * too many processes.
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

/* The next pid is in use, so the call would have had the one after it. */
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

TEST_F(levels, no_trace_of_pids_max)
{
	struct refusal call = {
		.err = -EAGAIN,
		.prepare = join_cgroup,
		.arm = limit_cgroup,
	};

	SKIP_IF(return, make_cgroup());
	expect_no_trace_of_process(_metadata, self, &call);
	EXPECT_EQ(0, rmdir(CGROUP));
	expect_free(_metadata, self);
}

TEST_F(levels, no_trace_of_RLIMIT_NPROC)
{
	struct refusal call = {
		.err = -EAGAIN,
		.prepare = become_ordinary_user,
		.arm = limit_processes,
	};

	expect_no_trace_of_process(_metadata, self, &call);
	expect_free(_metadata, self);
}

/*
 * A call that waits where the pidfd is stored holds no pids: they are tried when
 * all else is done.
 */
static struct stalled_call *must_prepare(struct __test_metadata *const _metadata,
					 const struct any_set *set)
{
	struct stalled_call *call = prepare_call(__NR_clone_with_pids, set, 0);

	ASSERT_TRUE(!!call);
	return call;
}

TEST_F(levels, waiting_call_holds_nothing)
{
	const struct any_set set = full_set(self, self->free);
	struct stalled_call *call;
	struct nspid ids;
	int i;

	SKIP_IF(return, lacks_userfaultfd());
	call = must_prepare(_metadata, &set);
	ASSERT_TRUE(stall_call(call));
	EXPECT_LT(0, spawn(0, &set, &ids));
	EXPECT_LT(0, spawn(0, &set, &ids));
	EXPECT_LT(0, finish_call(call, true));
	ASSERT_EQ(self->n, call->ids.n);
	for (i = 0; i < self->n; i++)
		EXPECT_EQ(self->free[i], call->ids.pid[i]);
	expect_free(_metadata, self);
}

TEST_F(levels, waiting_call_is_late)
{
	const struct any_set set = full_set(self, self->free);
	struct stalled_call *call;
	pid_t holder;

	SKIP_IF(return, lacks_userfaultfd());
	call = must_prepare(_metadata, &set);
	ASSERT_TRUE(stall_call(call));
	holder = hold(&set);
	ASSERT_LT(0, holder);
	EXPECT_EQ(-EBUSY, finish_call(call, true));
	/* the stored pidfd is closed */
	EXPECT_LT(STDERR_FILENO, call->pidfd);
	EXPECT_EQ(-1, fcntl(call->pidfd, F_GETFD));
	let_go(holder);
	expect_free(_metadata, self);
}

/*
 * Two waiting calls fail, in either order, with or without a fork in between.
 * The forks before and after must get consecutive pids.
 */
static void fail_two(struct __test_metadata *const _metadata,
		     FIXTURE_DATA(levels) *self, const struct any_set *set,
		     bool first_ends_first, bool fork_between)
{
	struct stalled_call *a = must_prepare(_metadata, set);
	struct stalled_call *b = must_prepare(_metadata, set);
	struct nspid before = plain_fork(), after;
	int i;

	ASSERT_TRUE(stall_call(a));
	ASSERT_TRUE(stall_call(b));
	if (fork_between) {
		after = plain_fork();
		for (i = 1; i < self->n; i++) {
			ASSERT_EQ(before.pid[i] + 1, after.pid[i]);
		}
		before = after;
	}
	EXPECT_EQ(-EFAULT, finish_call(first_ends_first ? a : b, false));
	EXPECT_EQ(-EFAULT, finish_call(first_ends_first ? b : a, false));
	after = plain_fork();
	for (i = 1; i < self->n; i++) {
		ASSERT_EQ(before.pid[i] + 1, after.pid[i]);
	}
}

TEST_F(levels, two_late_failures)
{
	const struct any_set zeros = { .num_pids = self->n };
	const struct any_set full = full_set(self, self->free);
	struct any_set mixed = zeros;
	const struct any_set *sets[] = { NULL, &zeros, &mixed, &full };
	int i, way;

	SKIP_IF(return, lacks_userfaultfd());
	mixed.pids[0] = self->free[0];
	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		for (way = 0; way < 4; way++)
			fail_two(_metadata, self, sets[i], way & 1, way & 2);
	}
	expect_free(_metadata, self);
}

/* Writes ns_last_pid of the youngest namespace. */
static int set_last_pid(pid_t last)
{
	pid_t pid = fork();

	if (!pid)
		_exit(!!write_int(NS_LAST_PID, last));
	return wait_exit(pid);
}

TEST_F(levels, ns_last_pid_stays)
{
	const int youngest = self->n - 1;
	struct stalled_call *call;
	struct nspid before;
	pid_t last;
	int i;

	if (access(NS_LAST_PID, F_OK))
		SKIP(return, "kernel without CONFIG_CHECKPOINT_RESTORE");
	SKIP_IF(return, lacks_userfaultfd());

	/* Among these is the pid that the call would have got. */
	for (i = 0; i <= 3; i++) {
		call = must_prepare(_metadata, NULL);
		before = plain_fork();
		last = before.pid[youngest] + i;
		ASSERT_TRUE(stall_call(call));
		ASSERT_EQ(0, set_last_pid(last));
		EXPECT_EQ(-EFAULT, finish_call(call, false));
		EXPECT_EQ(last + 1, plain_fork().pid[youngest]) {
			TH_LOG("ns_last_pid + %d", i);
		}
	}

	/* A call that does not fail has the next pid, or the one requested. */
	call = must_prepare(_metadata, NULL);
	ASSERT_TRUE(stall_call(call));
	last += 1000;
	ASSERT_EQ(0, set_last_pid(last));
	EXPECT_LT(0, finish_call(call, true));
	EXPECT_EQ(last + 1, call->ids.pid[youngest]);
	EXPECT_EQ(last + 2, plain_fork().pid[youngest]);

	call = must_prepare(_metadata, SET(self->free[youngest]));
	ASSERT_TRUE(stall_call(call));
	ASSERT_EQ(0, set_last_pid(last));
	EXPECT_LT(0, finish_call(call, true));
	EXPECT_EQ(self->free[youngest], call->ids.pid[youngest]);
	EXPECT_EQ(last + 1, plain_fork().pid[youngest]);
}

/*
 *   oldest   middle   youngest     without a process yet
 *   test --> init --> init --> caller . . . . first: refused, then init
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
		const char *name;
		const struct any_set *set;
		int flags;
		int err;
	} calls[] = {
		{ "unreadable set", (void *)1, 0, -EFAULT },
		{ "first is 2", SET(2), 0, -EINVAL },
		{ "first is 2, parent busy", SET(busy[2], 2), 0, -EINVAL },
		{ "parent busy, first any", SET(busy[2], 0), 0, -EBUSY },
		{ "parent busy, first is 1", SET(busy[2], 1), 0, -EBUSY },
		{ "oldest busy", SET(busy[0], 0, 0, 0), 0, -EBUSY },
		{ "oldest busy, others free",
		  SET(busy[0], free[1], free[2], 1), 0, -EBUSY },
		{ "first is 2, bad pidfd", SET(2), CLONE_PIDFD, -EINVAL },
		/* These fail just before the first pid is taken. */
		{ "no set, bad pidfd", NULL, CLONE_PIDFD, -EFAULT },
		{ "first any, bad pidfd", SET(0), CLONE_PIDFD, -EFAULT },
		{ "first is 1, bad pidfd", SET(1), CLONE_PIDFD, -EFAULT },
		{ "all free, bad pidfd",
		  SET(free[0], free[1], free[2], 1), CLONE_PIDFD, -EFAULT },
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
				TH_LOG("%s", calls[c].name);
			}
		}
		after = plain_fork();
		ASSERT_EQ(DEPTH + 1, after.n) {
			TH_LOG("%s", calls[c].name);
		}
		for (i = 1; i < DEPTH; i++) {
			EXPECT_EQ(before.pid[i] + 1, after.pid[i]) {
				TH_LOG("%s: level %d", calls[c].name, i);
			}
		}
		EXPECT_EQ(1, after.pid[DEPTH]) {
			TH_LOG("%s", calls[c].name);
		}

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

/* The child of the winner stays until all have called. */
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
 *   test --> init --> init --> racers --> children: one gets the pids
 */
FIXTURE_VARIANT_ADD(race, three) {
	.nest = 2,
};

/*
 *   0        1                 32
 *   test --> init --> ... -->  init --> racers --> children
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

/* The other racers wait at the barrier and are killed with their init. */
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

/* Requests @oldest and @youngest, and nothing in between. */
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
 * Two request p and q, one p and r, one s and q. Either one of the first two
 * succeeds, or both of the others do. Any other result means that a call was
 * refused because of one that was refused itself: a ghost.
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
