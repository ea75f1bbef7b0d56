// SPDX-License-Identifier: GPL-2.0
/*
 * The deepest nesting of pid namespaces: 33 levels, 33 pids.
 */
#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "proc.h"

/*
 *   0        1        2              32
 *   test --> init --> init --> ... --> init --> caller --> child, of 33 pids
 */
FIXTURE(deepest)
{
	pid_t free[MAX_LEVELS];
	struct nspid self;	/* the caller's own pids */
	int n;			/* how many of the levels /proc knows */
};

FIXTURE_VARIANT_EACH_ABI(deepest);

FIXTURE_SETUP(deepest)
{
	SKIP_IF(return, lacks_call(variant->nr));
	free_pids(self->free, MAX_LEVELS);
	while (!unshare(CLONE_NEWPID))
		go_on_as_child();
	ASSERT_EQ(ENOSPC, errno);
	go_on_as_child();
	self->self = read_nspid("/proc/self/status");
	self->n = self->self.n;
	/* The test may have started some levels down itself. */
	ASSERT_LE(DEPTH, self->n);
	ASSERT_GE(MAX_LEVELS, self->n);
}

FIXTURE_TEARDOWN(deepest)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

TEST_F(deepest, there_are_33)
{
	EXPECT_EQ(MAX_LEVELS, levels());
}

/* A different pid at each level */
TEST_F(deepest, full_set)
{
	struct any_set set = { .num_pids = MAX_LEVELS };
	const int skip = MAX_LEVELS - self->n;
	struct nspid ids;
	int i;

	memcpy(set.pids + skip, self->free, self->n * sizeof(pid_t));
	EXPECT_EQ(self->free[self->n - 1], spawn(0, &set, &ids));
	ASSERT_EQ(self->n, ids.n);
	for (i = 0; i < self->n; i++)
		EXPECT_EQ(self->free[i], ids.pid[i]);
}

/* Sets of each length, of which only the first entry asks for a pid. */
TEST_F(deepest, each_length)
{
	int len;

	for (len = 1; len <= self->n; len++) {
		struct any_set set = { len, { self->free[0] } };
		const int level = self->n - len;
		struct nspid ids;

		ASSERT_LT(0, spawn(0, &set, &ids));
		EXPECT_EQ(self->free[0], ids.pid[level]);
		if (level)
			EXPECT_NE(self->free[0], ids.pid[level - 1]);
	}
}

TEST_F(deepest, errno_at_each_level)
{
	const int skip = MAX_LEVELS - self->n;
	struct nspid ids;
	int i;

	for (i = 0; i < self->n; i++) {
		struct any_set set = { .num_pids = MAX_LEVELS };

		memcpy(set.pids + skip, self->free, self->n * sizeof(pid_t));
		set.pids[skip + i] = self->self.pid[i];
		EXPECT_EQ(-EBUSY, spawn(0, &set, &ids));
		set.pids[skip + i] = -1;
		EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
	}
}

TEST_F(deepest, one_too_many)
{
	struct any_set set = { .num_pids = MAX_LEVELS + 1 };
	struct nspid ids;

	EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
}

/* There is no further level, with a set as without. */
TEST_F(deepest, no_further_level)
{
	struct any_set set = { .num_pids = MAX_LEVELS };
	struct nspid ids;

	EXPECT_EQ(-ENOSPC, spawn(CLONE_NEWPID, NULL, &ids));
	EXPECT_EQ(-ENOSPC, spawn(CLONE_NEWPID, &set, &ids));
	set.pids[MAX_LEVELS - 1] = self->free[0];
	EXPECT_EQ(-ENOSPC, spawn(CLONE_NEWPID, &set, &ids));
	EXPECT_LT(0, spawn(0, &set, &ids));
}

TEST_HARNESS_MAIN
