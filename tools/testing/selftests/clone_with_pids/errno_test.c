// SPDX-License-Identifier: GPL-2.0
/*
 * Each errno at each level, and which one is found first when there are several
 * reasons. EPERM is in privilege_test.c, EFAULT byte by byte in copyin_test.c,
 * ENOMEM in namespaces_test.c.
 */
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "privilege.h"
#include "proc.h"

/*
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller --> child
 */
FIXTURE(nested)
{
	pid_t free[DEPTH];	/* a free pid at each level */
	struct nspid busy;	/* and one in use: the caller's */
};

FIXTURE_VARIANT_EACH_ABI(nested);

FIXTURE_SETUP(nested)
{
	SKIP_IF(return, lacks_call(variant->nr));
	free_pids(self->free, DEPTH);
	nest(DEPTH - 1);
	self->busy = read_nspid("/proc/self/status");
	ASSERT_EQ(DEPTH, self->busy.n);
}

FIXTURE_TEARDOWN(nested)
{
	/* A refused call leaves no child. */
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

TEST_F(nested, EBUSY_at_each_level)
{
	struct nspid ids;
	int i, j;

	for (i = 0; i < DEPTH; i++) {
		struct any_set set = { .num_pids = DEPTH };

		set.pids[i] = self->busy.pid[i];
		EXPECT_EQ(-EBUSY, spawn(0, &set, &ids));

		/* with free pids at the other levels */
		for (j = 0; j < DEPTH; j++)
			if (j != i)
				set.pids[j] = self->free[j];
		EXPECT_EQ(-EBUSY, spawn(0, &set, &ids));

		/* which are still free */
		set.pids[i] = 0;
		EXPECT_LT(0, spawn(0, &set, &ids));

		/* A namespace's init is in use, like any other. */
		set.pids[i] = 1;
		EXPECT_EQ(-EBUSY, spawn(0, &set, &ids));
	}
	EXPECT_EQ(-EBUSY, spawn(0, SET(self->busy.pid[2]), &ids));
	EXPECT_EQ(-EBUSY, spawn(0, SET(self->busy.pid[1], 0), &ids));
}

TEST_F(nested, EINVAL_out_of_range_at_each_level)
{
	const int pid_max = read_int(PID_MAX);
	const int bad[] = {
		-1, -2, -self->free[0], INT_MIN, INT_MIN + 1,
		pid_max, pid_max + 1, INT_MAX,
	};
	struct nspid ids;
	int i, j, k;

	ASSERT_LT(0, pid_max);
	for (i = 0; i < DEPTH; i++) {
		struct any_set set = { .num_pids = DEPTH };

		for (k = 0; k < ARRAY_SIZE(bad); k++) {
			memset(set.pids, 0, sizeof(set.pids));
			set.pids[i] = bad[k];
			EXPECT_EQ(-EINVAL, spawn(0, &set, &ids)) {
				TH_LOG("pid %d at level %d", bad[k], i);
			}
			for (j = 0; j < DEPTH; j++)
				if (j != i)
					set.pids[j] = self->free[j];
			EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
		}

		/* The last one in range is fine. */
		set.pids[i] = pid_max - 1;
		EXPECT_LT(0, spawn(0, &set, &ids));
		EXPECT_EQ(pid_max - 1, ids.pid[i]);
	}
}

TEST_F(nested, EFAULT_at_each_level)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct nspid ids;
	int i;

	ASSERT_TRUE(map != MAP_FAILED);
	ASSERT_EQ(0, mprotect(map + page, page, PROT_NONE));
	for (i = 0; i < DEPTH; i++) {
		/* The entries from the i-th are on the page that is not there. */
		struct any_set *set = (void *)(map + page - sizeof(__u32) * (i + 1));

		set->num_pids = DEPTH;
		memcpy(set->pids, self->free, i * sizeof(pid_t));
		EXPECT_EQ(-EFAULT, spawn(0, set, &ids));

		/* whatever is wrong with the entries before */
		if (i) {
			set->pids[0] = -1;
			EXPECT_EQ(-EFAULT, spawn(0, set, &ids));
			set->pids[0] = self->busy.pid[0];
			EXPECT_EQ(-EFAULT, spawn(0, set, &ids));
		}
	}
}

TEST_F(nested, EINVAL_beats_EBUSY_at_any_other_level)
{
	const int bad[] = { -1, INT_MAX, read_int(PID_MAX) };
	struct nspid ids;
	int i, j, k;

	for (i = 0; i < DEPTH; i++) {
		for (j = 0; j < DEPTH; j++) {
			struct any_set set = { .num_pids = DEPTH };

			if (i == j)
				continue;
			for (k = 0; k < ARRAY_SIZE(bad); k++) {
				set.pids[i] = bad[k];
				set.pids[j] = self->busy.pid[j];
				EXPECT_EQ(-EINVAL, spawn(0, &set, &ids)) {
					TH_LOG("%d at %d, busy at %d",
					       bad[k], i, j);
				}
			}
		}
	}
}

TEST_F(nested, EINVAL_too_long_beats_EBUSY)
{
	struct any_set set = { .num_pids = levels() + 1 };
	struct nspid ids;
	int i;

	for (i = 0; i < DEPTH; i++)
		set.pids[set.num_pids - 1 - i] = self->busy.pid[DEPTH - 1 - i];
	EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
}

/* clone()'s own reasons are found before any pid is tried. */
TEST_F(nested, EINVAL_of_clone_beats_EBUSY)
{
	struct nspid ids;

	EXPECT_EQ(-EINVAL, spawn(CLONE_THREAD, NULL, &ids));
	EXPECT_EQ(-EINVAL, spawn(CLONE_THREAD, SET(self->free[2]), &ids));
	EXPECT_EQ(-EINVAL, spawn(CLONE_THREAD, SET(self->busy.pid[2]), &ids));
	EXPECT_EQ(-EINVAL, spawn(CLONE_SIGHAND, SET(self->busy.pid[2]), &ids));
	EXPECT_EQ(-EINVAL, spawn(CLONE_NEWNS | CLONE_FS,
				 SET(self->busy.pid[2]), &ids));
}

/*
 * A limit of clone()'s own. Root and CAP_SYS_ADMIN are exempt from this one,
 * so the caller is another user whose only privilege is to choose pids.
 */
TEST_F(nested, EAGAIN_of_RLIMIT_NPROC)
{
	const struct rlimit none = {};
	struct nspid ids;

	ASSERT_EQ(0, prctl(PR_SET_KEEPCAPS, 1));
	ASSERT_EQ(0, setresuid(54321, 54321, 54321));
	keep_caps(CAP_BIT(CAP_CHECKPOINT_RESTORE));
	EXPECT_LT(0, spawn(0, SET(self->free[2]), &ids));
	ASSERT_EQ(0, setrlimit(RLIMIT_NPROC, &none));
	EXPECT_EQ(-EAGAIN, spawn(0, NULL, &ids));
	EXPECT_EQ(-EAGAIN, spawn(0, SET(0), &ids));
	EXPECT_EQ(-EAGAIN, spawn(0, SET(self->free[2]), &ids));
	EXPECT_EQ(-EAGAIN, spawn(0, SET(self->busy.pid[2]), &ids));
	EXPECT_EQ(-EAGAIN, spawn(0, SET(-1), &ids));
	EXPECT_EQ(-EINVAL, spawn(0, &(__u32){ UINT_MAX }, &ids));
	keep_caps(0);
	EXPECT_EQ(-EPERM, spawn(0, NULL, &ids));
	EXPECT_EQ(-EPERM, spawn(0, SET(0), &ids));
}

/*
 * Failures that are found after the set was judged, and before its pids are
 * taken: storing and allocating a pidfd, the limit of a control group.
 *
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller --> child
 */
FIXTURE(late)
{
	pid_t free[DEPTH];
	struct nspid busy;
};

FIXTURE_VARIANT(late)
{
	int err;
	unsigned long flags;
	int *parent_tid;
	bool no_files, no_pids;
};

FIXTURE_VARIANT_ADD(late, EFAULT) {
	.err = -EFAULT,
	.flags = CLONE_PIDFD,
	.parent_tid = (int *)1,
};

FIXTURE_VARIANT_ADD(late, EMFILE) {
	.err = -EMFILE,
	.flags = CLONE_PIDFD,
	.no_files = true,
};

FIXTURE_VARIANT_ADD(late, EAGAIN_of_pids_max) {
	.err = -EAGAIN,
	.no_pids = true,
};

FIXTURE_SETUP(late)
{
	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	if (variant->no_pids) {
		write_str(CGROUP_ROOT "cgroup.subtree_control", "+pids");
		mkdir(CGROUP, 0755);
		if (access(CGROUP "pids.max", W_OK))
			SKIP(return, "no cgroup2 with pids at " CGROUP_ROOT);
	}
	free_pids(self->free, DEPTH);
	nest(DEPTH - 1);
	self->busy = read_nspid("/proc/self/status");
	ASSERT_EQ(DEPTH, self->busy.n);
	if (variant->no_pids)
		ASSERT_EQ(0, write_str(CGROUP "cgroup.procs", "0"));
}

FIXTURE_TEARDOWN_PARENT(late)
{
	rmdir(CGROUP);
}

static int call_late(const FIXTURE_VARIANT(late) *variant, const void *set)
{
	struct rlimit files, none;
	int pidfd, rc;

	getrlimit(RLIMIT_NOFILE, &files);
	none = (struct rlimit){ 0, files.rlim_max };
	if (variant->no_files)
		setrlimit(RLIMIT_NOFILE, &none);
	if (variant->no_pids)
		write_str(CGROUP "pids.max", "1");
	rc = clone_with_pids(variant->flags | SIGCHLD, NULL,
			     variant->parent_tid ?: &pidfd, NULL, 0, set);
	if (!rc)
		_exit(0);
	if (variant->no_pids)
		write_str(CGROUP "pids.max", "max");
	setrlimit(RLIMIT_NOFILE, &files);
	return rc;
}

TEST_F(late, comes_after_the_set)
{
	const int bad[] = { -1, INT_MAX, read_int(PID_MAX) };
	struct nspid ids;
	int i, j;

	EXPECT_EQ(variant->err, call_late(variant, NULL));
	EXPECT_EQ(variant->err, call_late(variant, SET(0)));
	for (i = 0; i < DEPTH; i++) {
		struct any_set set = { .num_pids = DEPTH };

		set.pids[i] = self->free[i];
		EXPECT_EQ(variant->err, call_late(variant, &set));
		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			set.pids[i] = bad[j];
			EXPECT_EQ(-EINVAL, call_late(variant, &set));
		}
		set.pids[i] = self->busy.pid[i];
		EXPECT_EQ(-EBUSY, call_late(variant, &set));
	}
	EXPECT_EQ(-EINVAL, call_late(variant, &(__u32){ UINT_MAX }));
	EXPECT_EQ(-EFAULT, call_late(variant, (void *)1));

	EXPECT_LT(0, spawn(0, SET(self->free[0], self->free[1],
				  self->free[2]), &ids));
	keep_caps(0);
	EXPECT_EQ(-EPERM, call_late(variant, NULL));
	EXPECT_EQ(-EPERM, call_late(variant, SET(0)));
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

/*
 * pass_reserved_pids() tells why: with kernel.pid_max one above RESERVED_PIDS,
 * a namespace where that one is held has no free pid for the kernel to choose,
 * while lower ones can still be asked for.
 *
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller --> child
 */
#define ONLY_PID 300

FIXTURE(shortage)
{
	int pid_max;
	pid_t free[DEPTH];	/* above the lowered pid_max */
	pid_t low;		/* free and below ONLY_PID everywhere */
};

FIXTURE_VARIANT_EACH_ABI(shortage);

FIXTURE_SETUP(shortage)
{
	char path[32];

	SKIP_IF(return, lacks_call(variant->nr));
	if (access(NS_LAST_PID, W_OK))
		SKIP(return, "kernel without CONFIG_CHECKPOINT_RESTORE");
	self->pid_max = read_int(PID_MAX);
	ASSERT_LT(2000, self->pid_max);
	free_pids(self->free, DEPTH);
	self->low = ONLY_PID;
	do {
		snprintf(path, sizeof(path), "/proc/%d", --self->low);
	} while (!access(path, F_OK));
	ASSERT_LT(0, self->low);

	pass_reserved_pids();
	nest(DEPTH - 1);
}

FIXTURE_TEARDOWN_PARENT(shortage)
{
	EXPECT_EQ(0, write_int(PID_MAX, self->pid_max));
}

TEST_F(shortage, EAGAIN_at_each_level)
{
	const pid_t low = self->low;
	struct nspid ids;
	int i, j, holder, pid;

	for (i = 0; i < DEPTH; i++) {
		struct any_set set = { .num_pids = DEPTH };

		memcpy(set.pids, self->free, DEPTH * sizeof(pid_t));
		set.pids[i] = ONLY_PID;
		holder = hold(&set);
		ASSERT_LT(0, holder);
		ASSERT_EQ(0, set_pid_max(ONLY_PID + 1));

		pid = fork();
		if (!pid)
			_exit(0);
		EXPECT_EQ(-1, pid);
		EXPECT_EQ(EAGAIN, errno);
		EXPECT_EQ(-EAGAIN, spawn(0, NULL, &ids));
		EXPECT_EQ(-EAGAIN, spawn(0, SET(0, 0, 0), &ids));

		/* It matters only where the kernel has to pick a pid. */
		EXPECT_LT(0, spawn(0, SET(low, low, low), &ids));
		for (j = 0; j < DEPTH; j++) {
			struct any_set one = { 3, { low, low, low } };

			one.pids[j] = 0;
			if (j == i) {
				EXPECT_EQ(-EAGAIN, spawn(0, &one, &ids));
			} else {
				EXPECT_LT(0, spawn(0, &one, &ids));
				EXPECT_EQ(ONLY_PID, ids.pid[j]);

				/* Nor does it where another pid is in use. */
				one = (struct any_set){ 3, { 0, 0, 0 } };
				one.pids[j] = 1;
				EXPECT_EQ(-EBUSY, spawn(0, &one, &ids));
			}
		}
		ASSERT_EQ(0, set_pid_max(self->pid_max));
		let_go(holder);
	}
}

TEST_F(shortage, EINVAL_follows_pid_max)
{
	struct nspid ids;
	int i, j;

	ASSERT_EQ(0, set_pid_max(ONLY_PID + 1));
	for (i = 0; i < DEPTH; i++) {
		struct any_set set = { .num_pids = DEPTH };

		for (j = 0; j < DEPTH; j++)
			set.pids[j] = self->low;
		set.pids[i] = ONLY_PID + 1;
		EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
		set.pids[i] = self->free[i];
		EXPECT_EQ(-EINVAL, spawn(0, &set, &ids));
		set.pids[i] = ONLY_PID;
		EXPECT_LT(0, spawn(0, &set, &ids));
	}
	ASSERT_EQ(0, set_pid_max(self->pid_max));
	EXPECT_LT(0, spawn(0, SET(self->free[0], self->free[1],
				  self->free[2]), &ids));
}

TEST_HARNESS_MAIN
