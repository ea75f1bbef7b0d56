// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test for the copy-in of clone_with_pids(): what user space calls a set
 * of pids becomes set_tid, or an error.
 */

#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/mman.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/clone_with_pids.h>
#include "../clone_with_pids.h"

/* 33, and not what the code under test makes of it. */
#define MAX_PIDS (MAX_PID_NS_LEVEL + 1)

/* What entries that were not written look like. */
#define POISON 0x5a5a5a5a

/* struct pid_set with room, for misaligned ones too. */
struct any_set {
	u32 num_pids;
	pid_t pids[MAX_PIDS + 1];
};

struct copyin_test {
	char __user *end;		/* of what can be read */
	struct any_set set;
	pid_t pids[MAX_PIDS];	/* the result */
};

static int copyin_test_init(struct kunit *test)
{
	struct copyin_test *t;
	unsigned long addr;
	unsigned int i;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	test->priv = t;
	for (i = 0; i < ARRAY_SIZE(t->set.pids); i++)
		t->set.pids[i] = 100 + i;

	/* Two pages, of which the second is taken away again. */
	addr = kunit_vm_mmap(test, NULL, 0, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	if (!addr || addr >= (unsigned long)TASK_SIZE)
		return -ENOMEM;
	t->end = (char __user *)addr + PAGE_SIZE;
	return vm_munmap(addr + PAGE_SIZE, PAGE_SIZE);
}

/*
 * The result for a set that says it has @num_pids, of which user space can
 * read no more than @len bytes.
 */
static int copy_in_part(struct kunit *test, u32 num_pids, size_t len,
			unsigned int level)
{
	struct copyin_test *t = test->priv;
	char __user *at = t->end - len;

	t->set.num_pids = num_pids;
	memset32((u32 *)t->pids, POISON, MAX_PIDS);
	KUNIT_ASSERT_EQ(test, copy_to_user(at, &t->set, len), 0);
	return copy_pid_set_from_user(t->pids, (struct pid_set __user *)at, level);
}

static size_t size_of(u32 num_pids)
{
	return offsetof(struct any_set, pids[num_pids]);
}

/* Of a set that can be read just so. */
static int copy_in(struct kunit *test, u32 num_pids, unsigned int level)
{
	return copy_in_part(test, num_pids, size_of(num_pids), level);
}

/* The set in the order of set_tid, and nothing beyond it. */
static void expect_reversed(struct kunit *test, u32 num_pids)
{
	struct copyin_test *t = test->priv;
	u32 i;

	for (i = 0; i < num_pids; i++)
		KUNIT_EXPECT_EQ_MSG(test, t->pids[i], t->set.pids[num_pids - 1 - i],
				    "entry %u of %u", i, num_pids);
	for (; i < MAX_PIDS; i++)
		KUNIT_EXPECT_EQ_MSG(test, t->pids[i], POISON,
				    "entry %u, beyond %u", i, num_pids);
}

static void copy_pid_set_null(struct kunit *test)
{
	struct copyin_test *t = test->priv;

	memset32((u32 *)t->pids, POISON, MAX_PIDS);
	KUNIT_EXPECT_EQ(test, copy_pid_set_from_user(t->pids, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, copy_pid_set_from_user(t->pids, NULL, MAX_PID_NS_LEVEL), 0);
	expect_reversed(test, 0);
}

/* Each size, short ones and full ones and none, at each level. */
static void copy_pid_set_order(struct kunit *test)
{
	unsigned int level;
	u32 num_pids;

	for (level = 0; level <= MAX_PID_NS_LEVEL; level++) {
		for (num_pids = 0; num_pids <= level + 1; num_pids++) {
			KUNIT_EXPECT_EQ(test, copy_in(test, num_pids, level), num_pids);
			expect_reversed(test, num_pids);
		}
	}
}

/* They are for alloc_pid() to judge. */
static void copy_pid_set_any_value(struct kunit *test)
{
	static const pid_t values[] = { INT_MIN, -1, 0, 1, INT_MAX };
	struct copyin_test *t = test->priv;

	memcpy(t->set.pids, values, sizeof(values));
	KUNIT_EXPECT_EQ(test, copy_in(test, ARRAY_SIZE(values), MAX_PID_NS_LEVEL),
			ARRAY_SIZE(values));
	expect_reversed(test, ARRAY_SIZE(values));
}

static void copy_pid_set_too_long(struct kunit *test)
{
	static const u32 far_too_long[] = {
		/* These times sizeof(pid_t) are small again, or negative. */
		0x40000000, 0x40000001, 0x80000000, 0x80000001, INT_MAX,
		UINT_MAX - 1, UINT_MAX,
		MAX_PIDS + 1,
	};
	unsigned int level, i;
	u32 num_pids;

	for (level = 0; level <= MAX_PID_NS_LEVEL; level++) {
		for (num_pids = level + 2; num_pids <= MAX_PIDS; num_pids++)
			KUNIT_EXPECT_EQ_MSG(test, copy_in(test, num_pids, level), -EINVAL,
					    "%u pids at level %u", num_pids, level);

		/* Not even looked at. */
		for (i = 0; i < ARRAY_SIZE(far_too_long); i++) {
			KUNIT_EXPECT_EQ_MSG(test,
					    copy_in_part(test, far_too_long[i], sizeof(u32), level),
					    -EINVAL, "%u pids at level %u",
					    far_too_long[i], level);
			expect_reversed(test, 0);
		}
	}
}

static void copy_pid_set_unreadable(struct kunit *test)
{
	struct copyin_test *t = test->priv;
	struct pid_set __user *uset;
	u32 num_pids;
	size_t len;
	int ret;

	/* num_pids cannot be read, or not all of it. */
	for (len = 0; len < sizeof(u32); len++)
		KUNIT_EXPECT_EQ_MSG(test, copy_in_part(test, 0, len, MAX_PID_NS_LEVEL),
				    -EFAULT, "the first %zu bytes", len);

	/* An entry cannot; not at level 0 either, where it is one too many. */
	for (num_pids = 1; num_pids <= MAX_PIDS; num_pids++) {
		for (len = sizeof(u32); len < size_of(num_pids); len++) {
			ret = copy_in_part(test, num_pids, len, MAX_PID_NS_LEVEL);
			KUNIT_EXPECT_EQ_MSG(test, ret, -EFAULT,
					    "%zu bytes of %u pids", len, num_pids);
			ret = copy_in_part(test, num_pids, len, 0);
			KUNIT_EXPECT_EQ_MSG(test, ret, -EFAULT,
					    "%zu bytes of %u pids at level 0", len, num_pids);
		}
	}

	uset = (struct pid_set __user *)-PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, copy_pid_set_from_user(t->pids, uset, 0), -EFAULT);
}

static void copy_pid_set_misaligned(struct kunit *test)
{
	const u32 num_pids = MAX_PIDS;
	size_t more;
	int ret;

	for (more = 1; more < sizeof(u32); more++) {
		ret = copy_in_part(test, num_pids, size_of(num_pids) + more,
				   MAX_PID_NS_LEVEL);
		KUNIT_EXPECT_EQ(test, ret, num_pids);
		expect_reversed(test, num_pids);
	}
}

static struct kunit_case copyin_test_cases[] = {
	KUNIT_CASE(copy_pid_set_null),
	KUNIT_CASE(copy_pid_set_order),
	KUNIT_CASE(copy_pid_set_any_value),
	KUNIT_CASE(copy_pid_set_too_long),
	KUNIT_CASE(copy_pid_set_unreadable),
	KUNIT_CASE(copy_pid_set_misaligned),
	{}
};

static struct kunit_suite copyin_test_suite = {
	.name = "clone_with_pids",
	.init = copyin_test_init,
	.test_cases = copyin_test_cases,
};

kunit_test_suite(copyin_test_suite);
