// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the set: at any alignment, up to the last byte before an unmapped page
 * and no further, and num_pids is bounded before anything is copied.
 */
#include <sys/mman.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "privilege.h"
#include "proc.h"

#define POISON 0xff	/* a byte of it in a pid makes it negative: EINVAL */

/*
 * One mapping of four pages, where only the middle ones can be used:
 *
 *   | hole | poison, sets | poison, sets | hole |
 *          first          second         end
 */
FIXTURE(copyin)
{
	long page;
	unsigned char *first, *second, *end;
	pid_t free[DEPTH];
};

FIXTURE_VARIANT(copyin)
{
	long nr;
	bool unmapped;		/* how the holes are made */
};

FIXTURE_VARIANT_ADD(copyin, prot_none) {
	.nr = __NR_clone_with_pids,
};

FIXTURE_VARIANT_ADD(copyin, unmapped) {
	.nr = __NR_clone_with_pids,
	.unmapped = true,
};

#ifdef __x86_64__
FIXTURE_VARIANT_ADD(copyin, x32) {
	.nr = X32_BIT | __NR_clone_with_pids,
};
#endif

FIXTURE_SETUP(copyin)
{
	unsigned char *map;

	SKIP_IF(return, lacks_call(variant->nr));
	free_pids(self->free, DEPTH);
	nest(DEPTH - 1);
	/* maps memory, which must not fill a hole later */
	plain_fork();

	self->page = sysconf(_SC_PAGESIZE);
	map = mmap(NULL, 4 * self->page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	self->first = map + self->page;
	self->second = self->first + self->page;
	self->end = self->second + self->page;
	if (variant->unmapped) {
		ASSERT_EQ(0, munmap(map, self->page));
		ASSERT_EQ(0, munmap(self->end, self->page));
	} else {
		ASSERT_EQ(0, mprotect(map, self->page, PROT_NONE));
		ASSERT_EQ(0, mprotect(self->end, self->page, PROT_NONE));
	}
	memset(self->first, POISON, 2 * self->page);
}

FIXTURE_TEARDOWN(copyin)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

/* Calls with @len pids at @where, of which @readable bytes can be written. */
static int spawn_at(FIXTURE_DATA(copyin) *self, void *where, unsigned int len,
		    size_t readable, struct nspid *ids)
{
	struct any_set set = { .num_pids = len };

	memcpy(set.pids, self->free + DEPTH - len, len * sizeof(pid_t));
	memset(self->first, POISON, 2 * self->page);
	memcpy(where, &set, readable);
	return spawn(0, where, ids);
}

static size_t set_size(unsigned int len)
{
	return sizeof(struct pid_set) + len * sizeof(__kernel_pid_t);
}

static void check_child(struct __test_metadata *const _metadata,
			FIXTURE_DATA(copyin) *self, int pid,
			const struct nspid *ids, unsigned int len)
{
	int i;

	ASSERT_LT(0, pid) {
		TH_LOG("length %u", len);
	}
	for (i = DEPTH - len; i < DEPTH; i++)
		EXPECT_EQ(self->free[i], ids->pid[i]);
}

TEST_F(copyin, any_alignment)
{
	unsigned int len, shift;

	for (len = 0; len <= DEPTH; len++) {
		/* across the border of the two pages */
		for (shift = 0; shift <= set_size(DEPTH) + 1; shift++) {
			struct nspid ids;
			int pid = spawn_at(self, self->second - shift, len,
					   set_size(len), &ids);

			check_child(_metadata, self, pid, &ids, len);
		}
	}
}

TEST_F(copyin, from_the_first_byte)
{
	unsigned int len;

	for (len = 0; len <= DEPTH; len++) {
		struct nspid ids;
		int pid = spawn_at(self, self->first, len, set_size(len), &ids);

		check_child(_metadata, self, pid, &ids, len);
	}
}

/* Cut off after each of its bytes, a set is readable only with the last. */
TEST_F(copyin, to_the_last_byte)
{
	unsigned int len, readable;

	for (len = 0; len <= DEPTH; len++) {
		for (readable = 0; readable <= set_size(len); readable++) {
			struct nspid ids;
			int pid = spawn_at(self, self->end - readable, len,
					   readable, &ids);

			if (readable == set_size(len)) {
				check_child(_metadata, self, pid, &ids, len);
				continue;
			}
			EXPECT_EQ(-EFAULT, pid) {
				TH_LOG("%u bytes of %zu", readable,
				       set_size(len));
			}
		}
	}
}

/* A header that begins in the hole before. */
TEST_F(copyin, header_half_in_the_hole)
{
	unsigned int shift;

	for (shift = 1; shift <= sizeof(struct pid_set); shift++) {
		struct nspid ids;

		EXPECT_EQ(-EFAULT, spawn(0, self->first - shift, &ids));
	}
}

/* Too many pids are refused before the array is read. */
TEST_F(copyin, bounded_before_copied)
{
	const unsigned int num_pids[] = {
		MAX_LEVELS + 1, MAX_LEVELS + 2, 64, 1000, INT_MAX,
		INT_MAX + 1U, UINT_MAX / 4 + 1, UINT_MAX / 4 + 2, UINT_MAX,
	};
	struct pid_set *set = (void *)(self->end - sizeof(*set));
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(num_pids); i++) {
		struct nspid ids;

		set->num_pids = num_pids[i];
		EXPECT_EQ(-EINVAL, spawn(0, set, &ids)) {
			TH_LOG("num_pids %u", num_pids[i]);
		}
	}
}

/*
 * EFAULT is found before EINVAL for too many pids, and both before EPERM.
 */
static void expect_order(struct __test_metadata *const _metadata,
			 FIXTURE_DATA(copyin) *self, bool may_call)
{
	const unsigned int max = levels();
	struct pid_set *set;
	unsigned int len;

	for (len = 1; len <= MAX_LEVELS; len++) {
		struct nspid ids;

		set = (void *)(self->end - sizeof(*set));
		set->num_pids = len;
		EXPECT_EQ(-EFAULT, spawn(0, set, &ids)) {
			TH_LOG("num_pids %u", len);
		}

		/* all but the last byte */
		set = (void *)(self->end - set_size(len) + 1);
		memset(set, 0, set_size(len) - 1);
		set->num_pids = len;
		EXPECT_EQ(-EFAULT, spawn(0, set, &ids)) {
			TH_LOG("num_pids %u", len);
		}

		/* and all of it */
		set = (void *)(self->end - set_size(len));
		memset(set, 0, set_size(len));
		set->num_pids = len;
		if (len > max) {
			EXPECT_EQ(-EINVAL, spawn(0, set, &ids));
		} else if (!may_call) {
			EXPECT_EQ(-EPERM, spawn(0, set, &ids));
		} else {
			EXPECT_LT(0, spawn(0, set, &ids));
		}
	}
}

TEST_F(copyin, EFAULT_beats_EINVAL)
{
	expect_order(_metadata, self, true);
}

TEST_F(copyin, EINVAL_beats_EPERM)
{
	keep_caps(0);
	expect_order(_metadata, self, false);
}

TEST_F(copyin, addresses_that_are_no_memory)
{
	const unsigned long bad[] = {
		1, 2, 3, 4, 8, 4095,
		-1UL, -2UL, -3UL, -4UL, -8UL, -4096UL, -4097UL, -65536UL,
		/* a kernel's direct mapping, and just beyond a user's */
#ifdef __x86_64__
		0xffff888000000000, 0xffffffff81000000, 0x0000800000000000,
		0x00007fffffffeffd, 0x8000000000000000,
#else
		0xc0000000, 0xc1000000, 0xffffd000,
#endif
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct nspid ids;

		EXPECT_EQ(-EFAULT, spawn(0, (void *)bad[i], &ids)) {
			TH_LOG("address %#lx", bad[i]);
		}
	}
}

/* The kernel only reads: read-only memory will do, and stays as it was. */
TEST_F(copyin, read_only)
{
	struct any_set *set = (void *)self->first, before;
	struct nspid ids;

	*set = (struct any_set){ .num_pids = DEPTH };
	memcpy(set->pids, self->free, sizeof(self->free));
	before = *set;
	ASSERT_EQ(0, mprotect(self->first, self->page, PROT_READ));
	check_child(_metadata, self, spawn(0, set, &ids), &ids, DEPTH);
	EXPECT_EQ(0, memcmp(set, &before, sizeof(before)));
}

/* A page after the end of its file is mapped and cannot be read. */
TEST_F(copyin, behind_the_end_of_a_file)
{
	int fd = memfd_create("set", 0);
	struct pid_set *set;
	struct nspid ids;
	char *map;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, self->page));
	map = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	set = (void *)(map + self->page - sizeof(*set));
	set->num_pids = 1;
	EXPECT_EQ(-EFAULT, spawn(0, set, &ids));
	EXPECT_EQ(-EFAULT, spawn(0, map + self->page, &ids));
	set->num_pids = 0;
	EXPECT_LT(0, spawn(0, set, &ids));
}

TEST_HARNESS_MAIN
