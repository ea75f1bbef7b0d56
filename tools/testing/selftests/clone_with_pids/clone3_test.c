// SPDX-License-Identifier: GPL-2.0
/*
 * clone3() is unchanged to its users, who share the allocator: from youngest to
 * oldest, no zeroes, EEXIST, at most 32. These pass on kernels without
 * clone_with_pids() too.
 */
#include "clone_with_pids.h"

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
 *   test      --> init     --> init --> caller
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

TEST_HARNESS_MAIN
