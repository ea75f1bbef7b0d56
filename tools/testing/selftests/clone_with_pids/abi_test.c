// SPDX-License-Identifier: GPL-2.0
/*
 * The call as a binary interface: where each of its six arguments goes through
 * each entry, and what a probe sees of it.
 */
#include <asm/ldt.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "privilege.h"
#include "proc.h"
#include "util.h"

FIXTURE(entry)
{
	pid_t free;
	struct clone_stack *stack;
};

FIXTURE_VARIANT_EACH_ABI(entry);

FIXTURE_SETUP(entry)
{
	SKIP_IF(return, lacks_call(variant->nr));
	self->free = free_pid();
	self->stack = shared(sizeof(*self->stack));
}

FIXTURE_TEARDOWN(entry)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

struct child_state {
	struct start *stack;
	int ctid;
	long tls;
};

/* Makes no C library call: the TLS is the test's own. */
static int record_state(struct start *sp)
{
	struct child_state *seen = sp->arg;

	seen->stack = sp;
#ifdef __x86_64__
	asm volatile("mov %%fs:0, %0" : "=r"(seen->tls));
	asm volatile("syscall" : : "a"(SYS_exit), "D"(23) : "rcx", "r11");
#else
	asm volatile("movl %%gs:0, %0" : "=r"(seen->tls));
	asm volatile("int $0x80" : : "a"(SYS_exit), "b"(23));
#endif
	__builtin_unreachable();
}

/* All six arguments at once: any two in the wrong order fail. */
TEST_F(entry, order_of_arguments)
{
	long block[64] = { 0x5eed };
	unsigned long tls = (unsigned long)block;
	struct child_state seen = {};
	int ptid = -1, pid;
#ifdef __i386__
	struct user_desc desc = {
		.base_addr = tls,
		.limit = 0xfffff,
		.seg_32bit = 1,
		.limit_in_pages = 1,
		.useable = 1,
	};
	unsigned short gs;

	asm("mov %%gs, %0" : "=r"(gs));
	desc.entry_number = gs >> 3;
	tls = (unsigned long)&desc;
#endif
	pid = clone_on_stack(CLONE_VM | CLONE_PARENT_SETTID |
			     CLONE_CHILD_SETTID | CLONE_SETTLS | SIGCHLD,
			     self->stack, &ptid, &seen.ctid, tls,
			     SET(self->free), record_state, &seen);
	ASSERT_EQ(self->free, pid);
	EXPECT_EQ(23, wait_exit(pid));
	EXPECT_TRUE(seen.stack == &self->stack->top);
	EXPECT_EQ(self->free, ptid);
	EXPECT_EQ(self->free, seen.ctid);
	EXPECT_EQ(0x5eed, seen.tls);
}

/* The documented probe for the call: EINVAL, and never a child. */
static void expect_probe(struct __test_metadata *const _metadata)
{
	const __u32 too_many = UINT_MAX;

	EXPECT_EQ(-EINVAL, clone_with_pids(0, NULL, NULL, NULL, 0, &too_many));
	EXPECT_EQ(-EINVAL, clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0,
					   &too_many));
	EXPECT_EQ(-EINVAL, clone_with_pids(CLONE_NEWPID | CLONE_NEWUSER, NULL,
					   NULL, NULL, 0, &too_many));
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

TEST_F(entry, probe)
{
	expect_probe(_metadata);
	keep_caps(0);
	EXPECT_EQ(-EPERM, clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, NULL));
	expect_probe(_metadata);
}

#ifdef __x86_64__
/* A kernel has the call for all ABIs that it has, or for none. */
TEST(each_entry_or_none)
{
	const char *missing = lacks_call(__NR_clone_with_pids);
	__u32 *too_many;

	if (missing)
		SKIP(return, "%s", missing);
	if (syscall(X32_BIT | SYS_getpid) > 0)
		EXPECT_TRUE(!lacks_call(X32_BIT | __NR_clone_with_pids));
	if (lacks_int80())
		return;
	too_many = mmap(NULL, sizeof(*too_many), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_TRUE(too_many != MAP_FAILED);
	*too_many = UINT_MAX;
	EXPECT_EQ(-EINVAL, int80(__NR_clone_with_pids, SIGCHLD, 0, 0, 0, 0,
				 (unsigned long)too_many));
}

TEST(ia32_entry_of_a_64_bit_program)
{
	struct low {
		struct any_set set;
		int ptid;
	} *low;
	const unsigned long high = 0xdead00000000;
	pid_t pid, free = free_pid();

	SKIP_IF(return, lacks_call(__NR_clone_with_pids) ?: lacks_int80());

	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_TRUE(low != MAP_FAILED);
	low->set = *SET(free);
	pid = int80(__NR_clone_with_pids, high | CLONE_PARENT_SETTID | SIGCHLD,
		    0, high | (unsigned long)&low->ptid, 0, 0,
		    high | (unsigned long)&low->set);
	if (!pid)
		_exit(getpid() != free);
	ASSERT_EQ(free, pid);
	EXPECT_EQ(free, low->ptid);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(-EBUSY, int80(__NR_clone_with_pids, SIGCHLD, 0, 0, 0, 0,
				(unsigned long)memcpy(&low->set, SET(getpid()),
						      sizeof(low->set))));
	EXPECT_EQ(-EFAULT, int80(__NR_clone_with_pids, SIGCHLD, 0, 0, 0, 0,
				 0xfffff000));
	keep_caps(0);
	EXPECT_EQ(-EPERM, int80(__NR_clone_with_pids, SIGCHLD, 0, 0, 0, 0, 0));
}
#endif

TEST_HARNESS_MAIN
