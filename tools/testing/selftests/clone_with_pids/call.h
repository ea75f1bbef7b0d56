/* SPDX-License-Identifier: GPL-2.0 */
/* The system call through each of its entries, pid sets, clone3(). */
#ifndef SELFTEST_CALL_H
#define SELFTEST_CALL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <linux/clone_with_pids.h>
#include <sys/syscall.h>

#ifndef __NR_clone_with_pids
#define __NR_clone_with_pids 499
#endif

/* A 64-bit program may use the x32 entry too: its number has this bit. */
#define X32_BIT 0x40000000

#define MAX_LEVELS 33		/* the kernel's MAX_PID_NS_LEVEL + 1 */

static long call_nr = __NR_clone_with_pids;

/* As the system call, but a failure is the negative errno. */
static inline int clone_with_pids(unsigned long flags, void *stack, int *ptid,
				  int *ctid, unsigned long tls, const void *set)
{
	long rc = syscall(call_nr, flags, stack, ptid, ctid, tls, set);

	return rc < 0 ? -errno : rc;
}

/*
 * A child that shares memory runs on a stack of its own. Its stack pointer is
 * the address given to the call; struct start is what it finds there.
 */
struct start {
	int (*fn)(struct start *stack_pointer);
	void *arg;
} __attribute__((aligned(16)));

struct clone_stack {
	char room[16384 - sizeof(struct start)];
	struct start top;
};

static __attribute__((used, noreturn)) void start_child(struct start *sp)
{
	syscall(SYS_exit, sp->fn(sp));
	__builtin_unreachable();
}

long raw_clone(long nr, const unsigned long args[6]);

#ifdef __x86_64__
asm(".pushsection .text\n"
	"raw_clone:\n"
	"	mov	%rdi, %rax\n"
	"	mov	(%rsi), %rdi\n"
	"	mov	16(%rsi), %rdx\n"
	"	mov	24(%rsi), %r10\n"
	"	mov	32(%rsi), %r8\n"
	"	mov	40(%rsi), %r9\n"
	"	mov	8(%rsi), %rsi\n"
	"	syscall\n"
	"	test	%rax, %rax\n"
	"	jz	1f\n"
	"	ret\n"
	"1:	xor	%ebp, %ebp\n"
	"	mov	%rsp, %rdi\n"
	"	call	start_child\n"
	".popsection\n");
#elif defined(__i386__)
asm(".pushsection .text\n"
	"raw_clone:\n"
	"	push	%ebx\n"
	"	push	%esi\n"
	"	push	%edi\n"
	"	push	%ebp\n"
	"	mov	20(%esp), %eax\n"
	"	mov	24(%esp), %ebp\n"
	"	mov	(%ebp), %ebx\n"
	"	mov	4(%ebp), %ecx\n"
	"	mov	8(%ebp), %edx\n"
	"	mov	12(%ebp), %esi\n"
	"	mov	16(%ebp), %edi\n"
	"	mov	20(%ebp), %ebp\n"
	"	int	$0x80\n"
	"	test	%eax, %eax\n"
	"	jz	1f\n"
	"	pop	%ebp\n"
	"	pop	%edi\n"
	"	pop	%esi\n"
	"	pop	%ebx\n"
	"	ret\n"
	"1:	xor	%ebp, %ebp\n"
	"	mov	%esp, %eax\n"
	"	sub	$12, %esp\n"
	"	push	%eax\n"
	"	call	start_child\n"
	".popsection\n");
#else
#error "raw_clone() is not written for this architecture"
#endif

/* clone_with_pids() whose child runs @fn on @stack: for CLONE_VM. */
static inline int clone_on_stack(unsigned long flags, struct clone_stack *stack,
				 int *ptid, int *ctid, unsigned long tls,
				 const void *set,
				 int (*fn)(struct start *), void *arg)
{
	const unsigned long args[] = {
		flags, (unsigned long)&stack->top, (unsigned long)ptid,
		(unsigned long)ctid, tls, (unsigned long)set,
	};

	stack->top = (struct start){ .fn = fn, .arg = arg };
	return raw_clone(call_nr, args);
}

/* Flags for children that are quick to create, and functions for them */
#define CHEAP (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND)

static inline int exit_at_once(struct start *sp)
{
	return 0;
}

static inline int stay(struct start *sp)
{
	while (syscall(SYS_pause))
		;
	return 0;
}

/* struct clone_args of <linux/sched.h>, up to set_tid_size */
struct clone3_args {
	__aligned_u64 flags;
	__aligned_u64 pidfd;
	__aligned_u64 child_tid;
	__aligned_u64 parent_tid;
	__aligned_u64 exit_signal;
	__aligned_u64 stack;
	__aligned_u64 stack_size;
	__aligned_u64 tls;
	__aligned_u64 set_tid;
	__aligned_u64 set_tid_size;
};

/* clone3(), whose pids go from the youngest to the oldest. */
static inline int clone3_set_tid(__u64 flags, const pid_t *set_tid, size_t n)
{
	const struct clone3_args args = {
		.flags = flags,
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = n,
	};
	long rc = syscall(__NR_clone3, &args, sizeof(args));

	return rc < 0 ? -errno : rc;
}

/* A struct pid_set with space for any number of pids, and one too many */
struct any_set {
	__u32 num_pids;
	__kernel_pid_t pids[MAX_LEVELS + 1];
};

static_assert(offsetof(struct any_set, pids) == sizeof(struct pid_set),
	      "struct any_set is a struct pid_set");

/* SET(0, 99, 177): the pids from the oldest namespace to the youngest */
#define SET(...) (&(const struct any_set) {				\
	.num_pids = sizeof((int[]){ __VA_ARGS__ }) / sizeof(int),	\
	.pids = { __VA_ARGS__ } })

#ifdef __x86_64__
/* The 32-bit entry, used by a 64-bit program: arguments are cut to 32 bits. */
static inline int int80(unsigned int nr, unsigned long a1, unsigned long a2,
			unsigned long a3, unsigned long a4, unsigned long a5,
			unsigned long a6)
{
	register unsigned long r10 asm("r10") = a6;
	int rc;

	/* Keep the red zone; %rbp is the sixth argument. */
	asm volatile("sub $128, %%rsp; push %%rbp; mov %%r10, %%rbp\n\t"
		     "int $0x80\n\t"
		     "pop %%rbp; add $128, %%rsp"
		     : "=a"(rc)
		     : "a"(nr), "b"(a1), "c"(a2), "d"(a3), "S"(a4), "D"(a5),
		       "r"(r10)
		     : "memory", "r8", "r9", "r11", "cc");
	return rc;
}
#endif

/*
 * Makes clone_with_pids() use system call number @nr. Returns NULL, or what the
 * kernel lacks for it; tests are skipped then. qemu/ turns skips into failures
 * where the tree has the call. UINT_MAX pids are always too many, so the probe
 * never creates a child.
 */
static inline const char *lacks_call(long nr)
{
	const __u32 probe = UINT_MAX;

	call_nr = nr;
	if ((nr & X32_BIT) && syscall(X32_BIT | SYS_getpid) < 0)
		return "kernel without CONFIG_X86_X32_ABI";
	if (clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, &probe) != -ENOSYS)
		return NULL;
	return "kernel without CONFIG_CLONE_WITH_PIDS";
}

#endif /* SELFTEST_CALL_H */
