// SPDX-License-Identifier: GPL-2.0
/*
 * The shape of a set and the result of the call: which entry names the pid in
 * which namespace, and what the caller gets back.
 */
#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "proc.h"

FIXTURE(topology)
{
	int n;			/* levels from where the test started, downward */
	pid_t free[DEPTH];	/* a free pid for each */
	struct nspid next;	/* what plain forks get at this point */
};

/*
 * @nest:	how far down the caller goes
 * @children:	how much further down its children are born
 */
FIXTURE_VARIANT(topology)
{
	long nr;
	int nest;
	int children;
};

/*
 * In the drawings, the last line is a full set, and the bracketed one is what the
 * call returns.
 *
 *   oldest
 *   caller --> child
 *   [p]
 */
FIXTURE_VARIANT_ADD(topology, flat) {
	.nr = __NR_clone_with_pids,
};

/*
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller --> child
 *    p             q           [r]
 */
FIXTURE_VARIANT_ADD(topology, nested) {
	.nr = __NR_clone_with_pids,
	.nest = 2,
};

/*
 *   oldest        middle       youngest
 *   caller . . . . . . . . . . child
 *   [p]            q            r
 */
FIXTURE_VARIANT_ADD(topology, children_below) {
	.nr = __NR_clone_with_pids,
	.children = 2,
};

/*
 *   oldest        middle                   youngest
 *   test      --> init --> caller . . . . . child
 *    p            [q]                       r
 */
FIXTURE_VARIANT_ADD(topology, both) {
	.nr = __NR_clone_with_pids,
	.nest = 1,
	.children = 1,
};

#ifdef __x86_64__
FIXTURE_VARIANT_ADD(topology, x32_nested) {
	.nr = X32_BIT | __NR_clone_with_pids,
	.nest = 2,
};

FIXTURE_VARIANT_ADD(topology, x32_children_below) {
	.nr = X32_BIT | __NR_clone_with_pids,
	.children = 2,
};
#endif

FIXTURE_SETUP(topology)
{
	int i;

	SKIP_IF(return, lacks_call(variant->nr));
	self->n = 1 + variant->nest + variant->children;
	free_pids(self->free, self->n);
	if (variant->nest)
		nest(variant->nest);
	if (variant->children)
		nest_children(variant->children);
	self->next = plain_fork();
	ASSERT_EQ(self->n, self->next.n);
	for (i = 0; i < self->n; i++)
		self->next.pid[i]++;
}

FIXTURE_TEARDOWN(topology)
{
}

/* The set that asks for @self->free where @mask has a bit, bit 0: oldest. */
static struct any_set some(FIXTURE_DATA(topology) *self, unsigned int mask)
{
	struct any_set set = { .num_pids = self->n };
	int i;

	for (i = 0; i < self->n; i++)
		set.pids[i] = mask & (1 << i) ? self->free[i] : 0;
	return set;
}

/*
 * Where others run beside the test too, the oldest level's next pid may be
 * theirs. Any but a requested one will do there.
 */
static void check_child(struct __test_metadata *const _metadata,
			FIXTURE_DATA(topology) *self,
			const FIXTURE_VARIANT(topology) *variant,
			int pid, const struct nspid *child, unsigned int mask)
{
	int i;

	ASSERT_LT(0, pid);
	ASSERT_EQ(self->n, child->n);
	for (i = 0; i < self->n; i++) {
		if (mask & (1 << i)) {
			EXPECT_EQ(self->free[i], child->pid[i]);
		} else if (i) {
			EXPECT_EQ(self->next.pid[i]++, child->pid[i]);
		} else {
			EXPECT_NE(self->free[i], child->pid[i]);
		}
	}
	EXPECT_EQ(child->pid[variant->nest], pid);
}

TEST_F(topology, null_is_clone)
{
	struct nspid child;
	int pid = spawn(0, NULL, &child);

	check_child(_metadata, self, variant, pid, &child, 0);
}

TEST_F(topology, no_pids_is_clone)
{
	/* What follows num_pids would be refused if it were read. */
	const struct any_set set = { .num_pids = 0, .pids = { -1, -1, -1 } };
	struct nspid child;
	int pid = spawn(0, &set, &child);

	check_child(_metadata, self, variant, pid, &child, 0);
}

/* Requests at every combination of levels, none and all included */
TEST_F(topology, each_mask)
{
	unsigned int mask;

	for (mask = 0; mask < 1U << self->n; mask++) {
		struct any_set set = some(self, mask);
		struct nspid child;
		int pid = spawn(0, &set, &child);

		check_child(_metadata, self, variant, pid, &child, mask);
	}
}

/* A short set applies to the youngest namespaces. */
TEST_F(topology, each_short_set)
{
	int len, i;

	for (len = 1; len <= self->n; len++) {
		struct any_set set = { .num_pids = len };
		unsigned int mask = 0;
		struct nspid child;
		int pid;

		for (i = 0; i < len; i++) {
			set.pids[i] = self->free[self->n - len + i];
			mask |= 1 << (self->n - len + i);
		}
		/* beyond num_pids, so not read */
		set.pids[len] = -1;
		pid = spawn(0, &set, &child);
		check_child(_metadata, self, variant, pid, &child, mask);
	}
}

/* The same number can be requested at each level. */
TEST_F(topology, same_number_at_each_level)
{
	pid_t p = self->free[0];
	const struct any_set set = { .num_pids = self->n, .pids = { p, p, p } };
	struct nspid child;
	int i;

	EXPECT_EQ(p, spawn(0, &set, &child));
	ASSERT_EQ(self->n, child.n);
	for (i = 0; i < self->n; i++)
		EXPECT_EQ(p, child.pid[i]);
}

/* A pid that was chosen can be chosen again once its process is reaped. */
TEST_F(topology, again_and_again)
{
	const unsigned int all = (1U << self->n) - 1;
	struct any_set set = some(self, all);
	struct nspid child;
	int i, pid;

	for (i = 0; i < 20; i++) {
		pid = spawn(0, &set, &child);
		check_child(_metadata, self, variant, pid, &child, all);
	}
}

/* A request moves no cursor: the next fork gets the next pid. */
TEST_F(topology, request_moves_no_cursor)
{
	struct any_set set = some(self, (1U << self->n) - 1);
	struct nspid child;
	int i;

	ASSERT_LT(0, spawn(0, &set, &child));
	child = plain_fork();
	for (i = 1; i < self->n; i++)
		EXPECT_EQ(self->next.pid[i], child.pid[i]);
	/* Others may have moved that of the oldest, but not half a turn. */
	EXPECT_LT(1000, abs(child.pid[0] - self->free[0]));
}

TEST_F(topology, too_long)
{
	const unsigned int max = levels();
	const unsigned int too_long[] = {
		max + 1, MAX_LEVELS, MAX_LEVELS + 1, 1000, INT_MAX,
		INT_MAX + 1U, UINT_MAX - 1, UINT_MAX,
		/* these overflow to a small size in 32 bits */
		(UINT_MAX / 4) + 1, (UINT_MAX / 4) + 2,
	};
	unsigned int i;

	ASSERT_LE(self->n, max);
	for (i = 0; i < ARRAY_SIZE(too_long); i++) {
		/* even if it requests nothing */
		struct any_set set = { .num_pids = too_long[i] };
		struct nspid child;

		EXPECT_EQ(-EINVAL, spawn(0, &set, &child)) {
			TH_LOG("num_pids %u", too_long[i]);
		}
	}
	/* The helper of nest_children() is a child. */
	if (!variant->children)
		EXPECT_EQ(-ECHILD, wait_exit(-1));
}

/* In the initial pid namespace, the levels of the contract are known. */
TEST_F(topology, levels_count_from_the_initial_namespace)
{
	char name[32] = {};

	/* The link of the initial namespace shows a number fixed by the ABI. */
	ASSERT_LT(0, readlink("/proc/1/ns/pid", name, sizeof(name) - 1));
	if (strcmp(name, "pid:[4026531836]"))
		SKIP(return, "started in a pid namespace below the initial one");
	EXPECT_EQ(self->n, levels());
}

TEST_HARNESS_MAIN
