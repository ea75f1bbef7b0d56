// SPDX-License-Identifier: GPL-2.0
/*
 * A nonzero entry needs privilege over the user namespace that owns its pid
 * namespace, level by level, and that is judged before any pid is tried.
 */
#include "clone_with_pids.h"

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

/* Below, "|" is the border of a user namespace. */

/*
 *   oldest      middle      youngest
 *   test    --> init    --> init --> caller
 */
FIXTURE_VARIANT_ADD(owner, of_all) {
	.middle = CLONE_NEWPID,
	.youngest = CLONE_NEWPID,
	.privileged = 3,
};

/*
 *   oldest      middle      youngest
 *   test    | --> init  --> init --> caller
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
 *   test    --> init  | --> init --> caller
 */
FIXTURE_VARIANT_ADD(owner, of_youngest) {
	.middle = CLONE_NEWPID,
	.youngest = NEWUSER_NEWPID,
	.privileged = 1,
};

/*
 *   oldest      middle      youngest
 *   test  | --> init  | --> init --> caller
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
 */
FIXTURE_VARIANT_ADD(owner, of_none) {
	.middle = NEWUSER_NEWPID,
	.youngest = CLONE_NEWPID,
	.last = CLONE_NEWUSER,
	.privileged = 0,
};

/* Enters new namespaces, in a new user namespace with the same user as before. */
static void enter(struct __test_metadata *const _metadata, int flags)
{
	const int uid = geteuid(), gid = getegid();
	char map[32];

	must_unshare(flags);
	if (!(flags & CLONE_NEWUSER))
		return;
	snprintf(map, sizeof(map), "%d %d 1", uid, uid);
	ASSERT_EQ(0, write_str("/proc/self/uid_map", map));
	ASSERT_EQ(0, write_str("/proc/self/setgroups", "deny"));
	snprintf(map, sizeof(map), "%d %d 1", gid, gid);
	ASSERT_EQ(0, write_str("/proc/self/gid_map", map));
}

FIXTURE_SETUP(owner)
{
	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	free_pids(self->free, DEPTH);
	if (variant->unprivileged_user) {
		ASSERT_EQ(0, setresgid(54321, 54321, 54321));
		ASSERT_EQ(0, setresuid(54321, 54321, 54321));
		/* or /proc/self would be root's */
		ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
	}
	enter(_metadata, variant->middle);
	go_on_as_child();
	enter(_metadata, variant->youngest);
	go_on_as_child();
	go_on_as_child();
	if (variant->last)
		enter(_metadata, variant->last);
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

/* A set that asks for @pids where @mask has a bit, and whether it may be. */
static bool ask(FIXTURE_DATA(owner) *self, const pid_t *pids,
		unsigned int mask, struct any_set *set)
{
	bool allowed = true;
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

/* The very same refusals: they do not tell which pids are in use. */
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

TEST_F(owner, EINVAL_beats_EPERM)
{
	const int bad[] = { -1, INT_MAX, read_int(PID_MAX) };
	struct any_set set;
	struct nspid ids;
	int i, j, k;

	for (i = 0; i < DEPTH; i++) {
		for (j = 0; j < DEPTH; j++) {
			for (k = 0; k < ARRAY_SIZE(bad); k++) {
				set = (struct any_set){ .num_pids = DEPTH };
				set.pids[j] = self->free[j];
				set.pids[i] = bad[k];	/* even if i == j */
				EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
				if (i == j)
					continue;
				set.pids[j] = self->busy.pid[j];
				EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
			}
		}
	}

	/* too long, with pids in it that may not be had */
	set = (struct any_set){ .num_pids = levels() + 1 };
	for (i = 0; i < set.num_pids; i++)
		set.pids[i] = self->free[0];
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
}

/* A user namespace of the child's own gives its creator nothing. */
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

/* Who made a namespace for its children may choose there. */
TEST_F(owner, first_process)
{
	struct nspid ids;

	must_unshare(CLONE_NEWPID);
	EXPECT_EQ(-EINVAL, spawn(0, SET(self->free[2], 2), &ids));
	if (may(self, 2)) {
		EXPECT_LT(0, spawn(0, SET(self->free[2], 1), &ids));
		EXPECT_EQ(self->free[2], ids.pid[2]);
	} else {
		EXPECT_EQ(-EPERM, spawn(0, SET(self->free[2], 1), &ids));
		EXPECT_LT(0, spawn(0, SET(0, 1), &ids));
	}
	EXPECT_EQ(1, ids.pid[DEPTH]);
}

/*
 *   oldest       with a namespace for its children, which has none yet
 *   caller . . . child
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
	} else {
		EXPECT_EQ(-EPERM, spawn(0, SET(self->free), &ids));
		EXPECT_EQ(-EPERM, spawn(0, SET(getpid()), &ids));
	}
	EXPECT_EQ(-EINVAL, spawn(0, SET(-1), &ids));
}

TEST_F(capability, not_to_choose)
{
	struct any_set zeroes = { .num_pids = levels() };
	struct nspid ids;

	keep_caps(variant->keep);
	EXPECT_LT(0, spawn(0, NULL, &ids));
	EXPECT_LT(0, spawn(0, SET(), &ids));
	EXPECT_LT(0, spawn(0, SET(0), &ids));
	EXPECT_LT(0, spawn(0, &zeroes, &ids));
}

TEST_F(capability, first_process)
{
	struct nspid ids;

	must_unshare(CLONE_NEWPID);
	keep_caps(variant->keep);
	EXPECT_EQ(-EINVAL, spawn(0, SET(2), &ids));
	if (!variant->allowed) {
		EXPECT_EQ(-EPERM, spawn(0, SET(1), &ids));
		EXPECT_EQ(-EPERM, spawn(0, SET(self->free, 0), &ids));
		EXPECT_LT(0, spawn(0, SET(0), &ids));
	} else {
		EXPECT_LT(0, spawn(0, SET(self->free, 1), &ids));
		EXPECT_EQ(self->free, ids.pid[0]);
	}
	EXPECT_EQ(1, ids.pid[1]);
}

TEST_HARNESS_MAIN
