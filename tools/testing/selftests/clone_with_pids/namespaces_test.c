// SPDX-License-Identifier: GPL-2.0
/*
 * Which namespaces a set speaks of when the child is not born in its parent's:
 * CLONE_NEWPID, unshare(), setns(); the first process of a namespace, and what
 * comes after the last.
 */
#include "clone_with_pids.h"

/*
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller
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

/* The set names the existing namespaces, and the new one is not counted. */
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

	/* as many entries as the child has pids, but not one each */
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
	/* 1 is free in the new namespace, of which the set does not speak */
	EXPECT_EQ(-EBUSY, spawn(CLONE_NEWPID, SET(1), &ids));
	EXPECT_EQ(-EINVAL, spawn(CLONE_NEWPID, SET(-1), &ids));
}

/* After unshare(), children are born one level down, the caller stays. */
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

/* As clone(): a namespace of their own for children, or one more, not both. */
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
		/* which beats a pid that is in use */
		EXPECT_EQ(-EINVAL, spawn(0, SET(self->busy, bad[i]), &ids));
	}
	/* and none of that used the namespace up */
	EXPECT_EQ(self->free[2], spawn(0, SET(self->free[2], 1), &ids));
	EXPECT_EQ(self->free[2], ids.pid[DEPTH - 1]);
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

/* With init there, any other can be had; it stays until the namespace goes. */
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

/* No process can be born where init has gone: ENOMEM, as clone() has it. */
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

	/* The older namespaces did not notice. */
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
	/* It takes a moment, and the inits that waited for it go too. */
	do {
		usleep(10000);
		rc = spawn(0, SET(self->free[0], 0, self->free[2]), &ids);
	} while (rc != -ENOMEM && --tries);
	EXPECT_EQ(-ENOMEM, rc);
	EXPECT_EQ(-ENOMEM, spawn(0, SET(0, 0, 0), &ids));
	EXPECT_EQ(-ENOMEM, spawn(0, NULL, &ids));
}

TEST_HARNESS_MAIN
