// SPDX-License-Identifier: GPL-2.0
/*
 * clone3() is unchanged to its users, who share the allocator: from youngest to
 * oldest, no zeroes, EEXIST, at most 32. These pass on kernels without
 * clone_with_pids() too, but for the fixture that says which of several errors
 * is found first.
 */
#include <sys/resource.h>
#include <sys/syscall.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "privilege.h"
#include "proc.h"
#include "util.h"

#define MAX_SET_TID 32

static int spawn3(__u64 flags, const pid_t *set_tid, size_t n,
		  struct nspid *ids)
{
	int pid;

	if (!report)
		report = shared(sizeof(*report));
	pid = clone3_set_tid(flags, set_tid, n);
	if (!pid)
		report_and_exit(0);
	if (pid > 0)
		wait_exit(pid);
	*ids = *report;
	return pid;
}

/*
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller --> child
 */
FIXTURE(clone3)
{
	pid_t free[DEPTH];	/* youngest first */
	struct nspid self;	/* oldest first */
};

FIXTURE_SETUP(clone3)
{
	free_pids(self->free, DEPTH);
	nest(DEPTH - 1);
	self->self = read_nspid("/proc/self/status");
}

FIXTURE_TEARDOWN(clone3)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

TEST_F(clone3, youngest_first)
{
	struct nspid ids;
	int n, i;

	for (n = 1; n <= DEPTH; n++) {
		EXPECT_EQ(self->free[0], spawn3(0, self->free, n, &ids));
		ASSERT_EQ(DEPTH, ids.n);
		for (i = 0; i < n; i++)
			EXPECT_EQ(self->free[i], ids.pid[DEPTH - 1 - i]);
	}
}

TEST_F(clone3, zero_is_EINVAL)
{
	struct nspid ids;
	int n, i;

	for (n = 1; n <= DEPTH; n++) {
		for (i = 0; i < n; i++) {
			pid_t set_tid[DEPTH];

			memcpy(set_tid, self->free, sizeof(set_tid));
			set_tid[i] = 0;
			EXPECT_EQ(-EINVAL, spawn3(0, set_tid, n, &ids));
		}
	}
}

TEST_F(clone3, out_of_range_is_EINVAL)
{
	const int bad[] = { -1, INT_MIN, read_int(PID_MAX), INT_MAX };
	struct nspid ids;
	int i, k;

	for (i = 0; i < DEPTH; i++) {
		for (k = 0; k < ARRAY_SIZE(bad); k++) {
			pid_t set_tid[DEPTH];

			memcpy(set_tid, self->free, sizeof(set_tid));
			set_tid[i] = bad[k];
			EXPECT_EQ(-EINVAL, spawn3(0, set_tid, DEPTH, &ids));
		}
	}
}

TEST_F(clone3, busy_is_EEXIST)
{
	struct nspid ids;
	int i;

	for (i = 0; i < DEPTH; i++) {
		pid_t set_tid[DEPTH];

		memcpy(set_tid, self->free, sizeof(set_tid));
		set_tid[i] = self->self.pid[DEPTH - 1 - i];
		EXPECT_EQ(-EEXIST, spawn3(0, set_tid, DEPTH, &ids));
	}
}

TEST_F(clone3, unprivileged_is_EPERM)
{
	struct nspid ids;
	int n;

	keep_caps(0);
	for (n = 1; n <= DEPTH; n++)
		EXPECT_EQ(-EPERM, spawn3(0, self->free, n, &ids));
	EXPECT_LT(0, spawn3(0, NULL, 0, &ids));
}

TEST_F(clone3, set_tid_and_its_size_go_together)
{
	struct nspid ids;

	EXPECT_EQ(-EINVAL, spawn3(0, NULL, 1, &ids));
	EXPECT_EQ(-EINVAL, spawn3(0, self->free, 0, &ids));
	EXPECT_EQ(-EINVAL, spawn3(0, self->free, MAX_SET_TID + 1, &ids));
	EXPECT_EQ(-EFAULT, spawn3(0, (pid_t *)1, 1, &ids));
}

TEST_F(clone3, first_process_is_1)
{
	const pid_t one = 1, two = 2;
	struct nspid ids;

	must_unshare(CLONE_NEWPID);
	EXPECT_EQ(-EINVAL, spawn3(0, &two, 1, &ids));
	EXPECT_LT(0, spawn3(0, &one, 1, &ids));
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

/* Here set_tid counts the new namespace. */
TEST_F(clone3, newpid)
{
	const pid_t set_tid[] = { 1, self->free[0], self->free[1] };
	const pid_t bad[] = { 2, self->free[0] };
	struct nspid ids;

	EXPECT_EQ(self->free[0], spawn3(CLONE_NEWPID, set_tid, 3, &ids));
	ASSERT_EQ(DEPTH + 1, ids.n);
	EXPECT_EQ(1, ids.pid[3]);
	EXPECT_EQ(self->free[0], ids.pid[2]);
	EXPECT_EQ(self->free[1], ids.pid[1]);
	EXPECT_EQ(-EINVAL, spawn3(CLONE_NEWPID, bad, 2, &ids));
}

/*
 *   0        1              32
 *   test --> init --> ... --> init --> caller
 */
TEST_F(clone3, at_most_32)
{
	pid_t set_tid[MAX_LEVELS];
	struct nspid ids;
	int i;

	while (!unshare(CLONE_NEWPID))
		go_on_as_child();
	ASSERT_EQ(ENOSPC, errno);
	go_on_as_child();
	for (i = 0; i < MAX_LEVELS; i++)
		set_tid[i] = self->free[0] + i;
	EXPECT_EQ(set_tid[0], spawn3(0, set_tid, MAX_SET_TID, &ids));
	for (i = 0; i < ids.n - 1; i++)
		EXPECT_EQ(set_tid[i], ids.pid[ids.n - 1 - i]);
	EXPECT_EQ(-EINVAL, spawn3(0, set_tid, MAX_SET_TID + 1, &ids));
}

/*
 * Which of several errors is found first, where that was different before or is
 * open. In either case there is no trace of the call.
 */
FIXTURE(first_error)
{
	pid_t free[DEPTH];	/* youngest first */
	pid_t busy[DEPTH];
	int pid_max;
};

FIXTURE_SETUP(first_error)
{
	struct nspid ids;
	int i;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	self->pid_max = read_int(PID_MAX);
	free_pids(self->free, DEPTH);
	nest(DEPTH - 1);
	ids = read_nspid("/proc/self/status");
	for (i = 0; i < DEPTH; i++)
		self->busy[i] = ids.pid[DEPTH - 1 - i];
}

FIXTURE_TEARDOWN(first_error)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

/* Privilege is judged at all levels, and then what is requested at any. */
TEST_F(first_error, EPERM_before_EINVAL)
{
	const pid_t range[] = { self->pid_max, self->free[0] };
	const pid_t range_above[] = { self->free[0], self->pid_max };
	const pid_t not_init[] = { 2, self->free[0] };
	const pid_t init[] = { 1, self->free[0] };
	struct nspid ids;

	/* privileged there, and not above */
	must_unshare(CLONE_NEWUSER | CLONE_NEWPID);
	EXPECT_EQ(-EPERM, spawn3(0, range, 2, &ids));
	EXPECT_EQ(-EPERM, spawn3(0, range_above, 2, &ids));
	EXPECT_EQ(-EPERM, spawn3(0, not_init, 2, &ids));
	EXPECT_EQ(-EPERM, spawn3(0, init, 2, &ids));
	EXPECT_EQ(-EINVAL, spawn3(0, range, 1, &ids));
	EXPECT_EQ(-EINVAL, spawn3(0, not_init, 1, &ids));
	EXPECT_LT(0, spawn3(0, init, 1, &ids));
}

/* No pid is tried before all are found to be in range. */
TEST_F(first_error, EINVAL_before_EEXIST)
{
	struct nspid ids;
	int i;

	for (i = 1; i < DEPTH; i++) {
		pid_t set_tid[DEPTH];

		memcpy(set_tid, self->busy, sizeof(set_tid));
		set_tid[i] = self->pid_max;
		EXPECT_EQ(-EINVAL, spawn3(0, set_tid, DEPTH, &ids)) {
			TH_LOG("number %d is out of range", i);
		}
	}
}

static int clone3_pidfd(const pid_t *set_tid, size_t n, int *pidfd)
{
	const struct clone3_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = n,
	};
	long rc = syscall(__NR_clone3, &args, sizeof(args));

	if (!rc)
		_exit(0);
	return rc < 0 ? -errno : rc;
}

/* A pidfd that cannot be stored or allocated, and a pid that is in use */
TEST_F(first_error, pidfd_and_EEXIST)
{
	const int lowest = dup(STDERR_FILENO);
	struct rlimit limit;
	int n, fd, rc;

	ASSERT_EQ(0, close(lowest));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	for (n = 1; n <= DEPTH; n++) {
		rc = clone3_pidfd(self->busy, n, (int *)1);
		EXPECT_TRUE(rc == -EFAULT || rc == -EEXIST);

		limit.rlim_cur = lowest;
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
		rc = clone3_pidfd(self->busy, n, &fd);
		EXPECT_TRUE(rc == -EMFILE || rc == -EEXIST);
		limit.rlim_cur = limit.rlim_max;
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));

		/* A descriptor that was stored is closed. */
		fd = -1;
		EXPECT_EQ(-EEXIST, clone3_pidfd(self->busy, n, &fd));
		EXPECT_EQ(-1, fcntl(fd, F_GETFD));
		EXPECT_EQ(lowest, dup(STDERR_FILENO));
		EXPECT_EQ(0, close(lowest));
	}
}

TEST_F(first_error, EINVAL_before_ENOMEM_of_a_dead_namespace)
{
	const pid_t busy[] = { 1, self->busy[0] };
	const pid_t free[] = { 1, self->free[0] };
	const pid_t range[] = { 1, self->pid_max };
	const pid_t init = 1;
	struct nspid ids;
	int rc;

	must_unshare(CLONE_NEWPID);
	EXPECT_EQ(-EEXIST, spawn3(0, busy, 2, &ids));
	ASSERT_LT(0, spawn3(0, &init, 1, &ids));
	rc = spawn3(0, busy, 2, &ids);
	EXPECT_TRUE(rc == -ENOMEM || rc == -EEXIST);
	EXPECT_EQ(-ENOMEM, spawn3(0, free, 2, &ids));
	EXPECT_EQ(-EINVAL, spawn3(0, range, 2, &ids));
}

TEST_HARNESS_MAIN
