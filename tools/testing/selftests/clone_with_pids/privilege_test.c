// SPDX-License-Identifier: GPL-2.0
/*
 * Every call needs privilege over the pid namespace that its child is created
 * in, whatever the set is, and a nonzero entry needs it over its own namespace.
 * Both are judged before the range of any entry and before any pid is tried.
 */
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "privilege.h"
#include "proc.h"

#define NEWUSER_NEWPID (CLONE_NEWUSER | CLONE_NEWPID)

/*
 * @privileged: over how many of the namespaces, counted from the youngest, the
 * caller has privilege
 */
FIXTURE(owner)
{
	pid_t free[DEPTH];
	struct nspid busy;
	int privileged;
};

FIXTURE_VARIANT(owner)
{
	int middle;		/* flags to unshare() for each namespace */
	int youngest;
	int last;		/* and once more, where the caller is */
	bool unprivileged_user;	/* as which it all begins */
	int privileged;
};

/*
 * In the drawings, "|" is the border of a user namespace, and below each pid
 * namespace stands what the caller gets when it requests a free pid there.
 */

/*
 *   oldest      middle      youngest
 *   test    --> init    --> init --> caller --> child
 *   the pid     the pid     the pid
 */
FIXTURE_VARIANT_ADD(owner, of_all) {
	.middle = CLONE_NEWPID,
	.youngest = CLONE_NEWPID,
	.privileged = 3,
};

/*
 *   oldest      middle      youngest
 *   test    | --> init  --> init --> caller --> child
 *   EPERM       the pid     the pid
 */
FIXTURE_VARIANT_ADD(owner, of_middle_and_youngest) {
	.middle = NEWUSER_NEWPID,
	.youngest = CLONE_NEWPID,
	.privileged = 2,
};

/* The same by a user who is nobody outside. */
FIXTURE_VARIANT_ADD(owner, of_two_as_unprivileged_user) {
	.middle = NEWUSER_NEWPID,
	.youngest = CLONE_NEWPID,
	.unprivileged_user = true,
	.privileged = 2,
};

/*
 *   oldest      middle      youngest
 *   test    --> init  | --> init --> caller --> child
 *   EPERM       EPERM       the pid
 */
FIXTURE_VARIANT_ADD(owner, of_youngest) {
	.middle = CLONE_NEWPID,
	.youngest = NEWUSER_NEWPID,
	.privileged = 1,
};

/*
 *   oldest      middle      youngest
 *   test  | --> init  | --> init --> caller --> child
 *   EPERM       EPERM       the pid
 */
FIXTURE_VARIANT_ADD(owner, of_youngest_each_its_own) {
	.middle = NEWUSER_NEWPID,
	.youngest = NEWUSER_NEWPID,
	.unprivileged_user = true,
	.privileged = 1,
};

/*
 *   oldest      middle      youngest
 *   test  | --> init    --> init | --> caller
 *   EPERM       EPERM       EPERM, and without a request, too
 */
FIXTURE_VARIANT_ADD(owner, of_none) {
	.middle = NEWUSER_NEWPID,
	.youngest = CLONE_NEWPID,
	.last = CLONE_NEWUSER,
	.privileged = 0,
};

FIXTURE_SETUP(owner)
{
	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	free_pids(self->free, DEPTH);
	if (variant->unprivileged_user) {
		ASSERT_EQ(0, setresgid(54321, 54321, 54321));
		ASSERT_EQ(0, setresuid(54321, 54321, 54321));
		/* otherwise /proc/self is owned by root */
		ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
	}
	must_unshare_as_same_user(variant->middle);
	go_on_as_child();
	must_unshare_as_same_user(variant->youngest);
	go_on_as_child();
	go_on_as_child();
	if (variant->last)
		must_unshare_as_same_user(variant->last);
	self->busy = read_nspid("/proc/self/status");
	ASSERT_EQ(DEPTH, self->busy.n);
	self->privileged = variant->privileged;
}

FIXTURE_TEARDOWN(owner)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

/* Whether the caller may choose a pid at @level, 0 being the oldest. */
static bool may(FIXTURE_DATA(owner) *self, int level)
{
	return level >= DEPTH - self->privileged;
}

/* Whether the caller may call at all. */
static bool may_call(FIXTURE_DATA(owner) *self)
{
	return may(self, DEPTH - 1);
}

/* A set that asks for @pids where @mask has a bit, and whether it may be. */
static bool ask(FIXTURE_DATA(owner) *self, const pid_t *pids,
		unsigned int mask, struct any_set *set)
{
	bool allowed = may_call(self);
	int i;

	*set = (struct any_set){ .num_pids = DEPTH };
	for (i = 0; i < DEPTH; i++) {
		if (!(mask & (1 << i)))
			continue;
		set->pids[i] = pids[i];
		allowed &= may(self, i);
	}
	return allowed;
}

TEST_F(owner, whatever_the_set)
{
	struct any_set zeros = { .num_pids = DEPTH };
	const struct {
		const char *name;
		const void *set;
	} sets[] = {
		{ "no set", NULL }, { "no pids", SET() }, { "one 0", SET(0) },
		{ "two 0", SET(0, 0) }, { "all 0", &zeros },
		{ "a free pid", SET(self->free[2]) },
	};
	struct nspid ids;
	int i;

	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		int pid = spawn(0, sets[i].set, &ids);

		if (may_call(self)) {
			EXPECT_LT(0, pid) {
				TH_LOG("%s", sets[i].name);
			}
		} else {
			EXPECT_EQ(-EPERM, pid) {
				TH_LOG("%s", sets[i].name);
			}
		}
	}
}

TEST_F(owner, each_choice_of_free_pids)
{
	unsigned int mask;
	int i;

	for (mask = 0; mask < 1 << DEPTH; mask++) {
		struct any_set set;
		struct nspid ids;
		bool allowed = ask(self, self->free, mask, &set);
		int pid = spawn(0, &set, &ids);

		if (!allowed) {
			EXPECT_EQ(-EPERM, pid) {
				TH_LOG("mask %#x", mask);
			}
			continue;
		}
		ASSERT_LT(0, pid);
		for (i = 0; i < DEPTH; i++)
			if (set.pids[i])
				EXPECT_EQ(self->free[i], ids.pid[i]);
	}
}

/* The same refusals: they do not tell which pids are in use. */
TEST_F(owner, each_choice_of_busy_pids)
{
	unsigned int mask;

	for (mask = 1; mask < 1 << DEPTH; mask++) {
		struct any_set set;
		struct nspid ids;
		bool allowed = ask(self, self->busy.pid, mask, &set);

		EXPECT_EQ(allowed ? -EBUSY : -EPERM, spawn(0, &set, &ids)) {
			TH_LOG("mask %#x", mask);
		}
	}
}

/* Nor do they tell pid_max. */
TEST_F(owner, each_choice_of_pids_out_of_range)
{
	const int bad[] = { -1, INT_MIN, INT_MAX, read_int(PID_MAX) };
	unsigned int mask;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const pid_t pids[DEPTH] = { bad[i], bad[i], bad[i] };

		for (mask = 1; mask < 1 << DEPTH; mask++) {
			struct any_set set;
			struct nspid ids;
			bool allowed = ask(self, pids, mask, &set);

			EXPECT_EQ(allowed ? -EINVAL : -EPERM,
				  spawn(0, &set, &ids)) {
				TH_LOG("pid %d, mask %#x", bad[i], mask);
			}
		}
	}
}

TEST_F(owner, EPERM_beats_EBUSY_at_another_level)
{
	struct nspid ids;
	int i, j;

	for (i = 0; i < DEPTH; i++) {
		for (j = 0; j < DEPTH; j++) {
			struct any_set set = { .num_pids = DEPTH };

			if (i == j)
				continue;
			set.pids[i] = self->free[i];
			set.pids[j] = self->busy.pid[j];
			EXPECT_EQ(may(self, i) && may(self, j) ?
				  -EBUSY : -EPERM, spawn(0, &set, &ids));
		}
	}
}

TEST_F(owner, EPERM_beats_EINVAL_at_another_level)
{
	const int bad[] = { -1, INT_MAX, read_int(PID_MAX) };
	struct nspid ids;
	int i, j, k;

	for (i = 0; i < DEPTH; i++) {
		for (j = 0; j < DEPTH; j++) {
			const int err = may(self, i) && may(self, j) ?
					-EINVAL : -EPERM;

			for (k = 0; i != j && k < ARRAY_SIZE(bad); k++) {
				struct any_set set = { .num_pids = DEPTH };

				set.pids[i] = bad[k];
				set.pids[j] = self->free[j];
				EXPECT_EQ(err, spawn(0, &set, &ids));
				set.pids[j] = self->busy.pid[j];
				EXPECT_EQ(err, spawn(0, &set, &ids));
			}
		}
	}
}

TEST_F(owner, EINVAL_too_long_beats_EPERM)
{
	const unsigned int too_long = levels() + 1;
	struct any_set set = { .num_pids = too_long };
	struct nspid ids;
	unsigned int i;

	EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
	for (i = 0; i < too_long; i++)
		set.pids[i] = self->free[0];
	EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
	set.num_pids = UINT_MAX;
	EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
}

TEST_F(owner, EFAULT_beats_EPERM)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct any_set *set = (void *)(map + page - 3 * sizeof(__u32));
	struct nspid ids;

	ASSERT_TRUE(map != MAP_FAILED);
	ASSERT_EQ(0, mprotect(map + page, page, PROT_NONE));
	set->num_pids = DEPTH;
	set->pids[0] = self->free[0];
	set->pids[1] = self->free[1];
	EXPECT_EQ(-EFAULT, spawn(0, set, &ids));
	EXPECT_EQ(-EFAULT, spawn(0, map + page, &ids));
}

/*
 * Errors in the flags are found after the privilege to call was judged, and
 * before the privilege to choose pids.
 */
TEST_F(owner, EPERM_beats_EINVAL_of_clone)
{
	const unsigned long bad[] = {
		CLONE_THREAD, CLONE_SIGHAND, CLONE_NEWNS | CLONE_FS,
	};
	const int err = may_call(self) ? -EINVAL : -EPERM;
	struct nspid ids;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(err, spawn(bad[i], NULL, &ids));
		EXPECT_EQ(err, spawn(bad[i], SET(self->free[2]), &ids));
		EXPECT_EQ(err, spawn(bad[i], SET(-1), &ids));
		EXPECT_EQ(err, spawn(bad[i], SET(self->free[0], 0, 0), &ids));
	}
}

/* Storing the pidfd fails only after the set was judged. */
TEST_F(owner, EPERM_beats_EFAULT_of_pidfd)
{
	unsigned int mask;

	for (mask = 0; mask < 1 << DEPTH; mask++) {
		struct any_set set;
		bool allowed = ask(self, self->free, mask, &set);

		EXPECT_EQ(allowed ? -EFAULT : -EPERM,
			  clone_with_pids(CLONE_PIDFD | SIGCHLD, NULL, (int *)1,
					  NULL, 0, &set));
		if (!mask)
			continue;
		ask(self, self->busy.pid, mask, &set);
		EXPECT_EQ(allowed ? -EBUSY : -EPERM,
			  clone_with_pids(CLONE_PIDFD | SIGCHLD, NULL, (int *)1,
					  NULL, 0, &set));
	}
}

/* A new user namespace for the child does not give the caller privilege. */
TEST_F(owner, newuser_does_not_help)
{
	unsigned int mask;

	for (mask = 0; mask < 1 << DEPTH; mask++) {
		struct any_set set;
		struct nspid ids;
		bool allowed = ask(self, self->free, mask, &set);
		int pid = spawn(CLONE_NEWUSER, &set, &ids);
		int init = spawn(NEWUSER_NEWPID, &set, &ids);

		if (allowed) {
			EXPECT_LT(0, pid);
			EXPECT_LT(0, init);
		} else {
			EXPECT_EQ(-EPERM, pid);
			EXPECT_EQ(-EPERM, init);
		}
	}
}

/*
 * The creator of a namespace for its children may call, and choose there, without
 * privilege over its own namespace.
 */
TEST_F(owner, first_process)
{
	const pid_t free = self->free[2];
	struct nspid ids;

	must_unshare(CLONE_NEWPID);
	EXPECT_EQ(-EINVAL, spawn(0, SET(2), &ids));
	EXPECT_EQ(may(self, 2) ? -EINVAL : -EPERM, spawn(0, SET(free, 2), &ids));
	if (may(self, 2)) {
		EXPECT_LT(0, spawn(0, SET(free, 1), &ids));
		EXPECT_EQ(free, ids.pid[2]);
	} else {
		EXPECT_EQ(-EPERM, spawn(0, SET(free, 1), &ids));
		EXPECT_LT(0, spawn(0, SET(0, 1), &ids));
	}
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

/*
 *   oldest
 *   caller --> child     with the capabilities that the variant keeps: the pid,
 *                        or EPERM
 */
FIXTURE(capability)
{
	pid_t free;
};

FIXTURE_VARIANT(capability)
{
	__u64 keep;
	bool allowed;
};

FIXTURE_VARIANT_ADD(capability, all) {
	.keep = ~0ULL,
	.allowed = true,
};

FIXTURE_VARIANT_ADD(capability, only_CAP_SYS_ADMIN) {
	.keep = CAP_BIT(CAP_SYS_ADMIN),
	.allowed = true,
};

FIXTURE_VARIANT_ADD(capability, only_CAP_CHECKPOINT_RESTORE) {
	.keep = CAP_BIT(CAP_CHECKPOINT_RESTORE),
	.allowed = true,
};

FIXTURE_VARIANT_ADD(capability, all_but_these_two) {
	.keep = ~(CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_CHECKPOINT_RESTORE)),
	.allowed = false,
};

FIXTURE_VARIANT_ADD(capability, none) {
	.keep = 0,
	.allowed = false,
};

FIXTURE_SETUP(capability)
{
	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	self->free = free_pid();
}

FIXTURE_TEARDOWN(capability)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

TEST_F(capability, to_choose)
{
	struct nspid ids;

	keep_caps(variant->keep);
	if (variant->allowed) {
		EXPECT_EQ(self->free, spawn(0, SET(self->free), &ids));
		EXPECT_EQ(-EBUSY, spawn(0, SET(getpid()), &ids));
		EXPECT_EQ(-EINVAL, spawn(0, SET(-1), &ids));
	} else {
		EXPECT_EQ(-EPERM, spawn(0, SET(self->free), &ids));
		EXPECT_EQ(-EPERM, spawn(0, SET(getpid()), &ids));
		EXPECT_EQ(-EPERM, spawn(0, SET(-1), &ids));
	}
}

TEST_F(capability, to_call)
{
	struct any_set zeros = { .num_pids = levels() };
	const struct {
		const char *name;
		const void *set;
	} sets[] = {
		{ "no set", NULL }, { "no pids", SET() }, { "one 0", SET(0) },
		{ "all 0", &zeros },
	};
	struct nspid ids;
	int i;

	keep_caps(variant->keep);
	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		int pid = spawn(0, sets[i].set, &ids);

		if (variant->allowed) {
			EXPECT_LT(0, pid) {
				TH_LOG("%s", sets[i].name);
			}
		} else {
			EXPECT_EQ(-EPERM, pid) {
				TH_LOG("%s", sets[i].name);
			}
		}
	}
	EXPECT_LT(0, plain_fork().n);
}

/* CLONE_NEWPID needs the same as in clone(). */
TEST_F(capability, newpid)
{
	const bool admin = variant->keep & CAP_BIT(CAP_SYS_ADMIN);
	struct nspid ids;

	keep_caps(variant->keep);
	if (admin) {
		EXPECT_LT(0, spawn(CLONE_NEWPID, NULL, &ids));
		EXPECT_EQ(self->free, spawn(CLONE_NEWPID, SET(self->free), &ids));
	} else {
		EXPECT_EQ(-EPERM, spawn(CLONE_NEWPID, NULL, &ids));
		EXPECT_EQ(-EPERM, spawn(CLONE_NEWPID, SET(self->free), &ids));
	}
}

/* Without privilege, the caller does not learn that there is no init. */
TEST_F(capability, first_process)
{
	const bool may = variant->allowed;
	struct nspid ids;

	must_unshare(CLONE_NEWPID);
	keep_caps(variant->keep);
	EXPECT_EQ(may ? -EINVAL : -EPERM, spawn(0, SET(2), &ids));
	EXPECT_EQ(may ? -EINVAL : -EPERM, spawn(0, SET(self->free, 2), &ids));
	if (may) {
		EXPECT_LT(0, spawn(0, SET(self->free, 1), &ids));
		EXPECT_EQ(self->free, ids.pid[0]);
	} else {
		EXPECT_EQ(-EPERM, spawn(0, SET(1), &ids));
		EXPECT_EQ(-EPERM, spawn(0, SET(self->free, 0), &ids));
		EXPECT_EQ(-EPERM, spawn(0, SET(0), &ids));
		EXPECT_EQ(-EPERM, spawn(0, NULL, &ids));
		/* and none of these created the init */
		ids = plain_fork();
	}
	EXPECT_EQ(1, ids.pid[1]);
}

TEST_HARNESS_MAIN
