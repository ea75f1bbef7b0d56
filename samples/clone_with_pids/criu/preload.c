// SPDX-License-Identifier: GPL-2.0
/*
 * CRIU, unmodified, through clone_with_pids():
 *
 *	LD_PRELOAD=.../clone_with_pids_preload.so criu restore ...
 *
 * CRIU creates each process with syscall(__NR_clone3, ...) and set_tid. This
 * library replaces the C library's syscall(), and calls clone_with_pids() for
 * that. A set_tid that the call cannot have is left to clone3(), and counted. CRIU
 * is always told that there is set_tid, so that it does not fall back to
 * ns_last_pid: without clone_with_pids() the restore fails. When CRIU exits, the
 * library says on stderr what was done.
 *
 * CRIU keeps what it knows of the kernel in /run/criu.kdat. Remove that file if
 * it was written under a seccomp filter without this library: it says that there
 * is no set_tid.
 *
 * The threads of a restored process are created by code that CRIU puts into that
 * process, which no library can replace: they still come from clone3(), and where
 * a filter forbids that, the restore of a process with threads fails.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/clone_with_pids.h>
#include <linux/types.h>

#define MAX_SET_TID	32	/* of clone3(); one less than a pid_set has */

static long (*libc_syscall)(long number, ...);

/* Shared by all processes of a restore: each creates its own children. */
static struct {
	unsigned int created;		/* by clone_with_pids() */
	unsigned int refused;		/* by clone_with_pids() */
	unsigned int set_tid;		/* requests left to clone3() */
	unsigned int other;		/* clone3() without set_tid */
} *counts;

static pid_t loader;

static_assert(sizeof(long) == 8, "x86-64: syscall() passes 64 bits in each argument");

static void count(unsigned int *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static long clone_with_pids(__u64 flags, const struct clone_args *args,
			    const struct pid_set *set)
{
	/* Each flag says which of the two pointers is in the third argument. */
	__u64 tid = flags & CLONE_PIDFD ? args->pidfd : args->parent_tid;
	long rc;

	rc = libc_syscall(__NR_clone_with_pids, flags | args->exit_signal, 0L,
			  tid, args->child_tid, args->tls, set);
	if (rc < 0 && errno == EBUSY)
		errno = EEXIST;	/* what set_tid says */
	return rc;
}

/*
 * Return 0 if the call works, or its error. A num_pids that large is refused
 * before privilege is checked.
 */
static int probe(void)
{
	static const struct clone_args none;
	struct pid_set too_long = { .num_pids = UINT_MAX };

	clone_with_pids(0, &none, &too_long);
	return errno == EINVAL ? 0 : errno;
}

/* False if @from cannot be read: then the kernel shall say so. */
static bool copy(void *to, const void *from, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)from, size };

	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	if (n >= 0 || errno == EFAULT)
		return n == (ssize_t)size;
	memcpy(to, from, size);	/* there is no such call, or a filter forbids it */
	return true;
}

/*
 * Can clone_with_pids() do the same? It has no flags above bit 31 or in the byte
 * of the exit signal, and one pointer for both the pidfd and the tid. It ignores
 * some arguments that clone3() refuses: leave those to clone3().
 */
static bool fits(const struct clone_args *args)
{
	__u64 flags = args->flags;

	if (flags > UINT_MAX || flags & (CSIGNAL | CLONE_DETACHED))
		return false;
	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID))
		return false;
	if ((flags & (CLONE_PARENT | CLONE_THREAD)) && args->exit_signal)
		return false;
	if (!args->stack && args->stack_size)
		return false;
	return args->exit_signal < NSIG && args->set_tid_size <= MAX_SET_TID;
}

/*
 * Translate set_tid, youngest namespace first, to a pid_set, oldest first. With
 * CLONE_NEWPID, set_tid begins with the new namespace, where there is pid 1
 * only, and a pid_set leaves it out. False where clone3() is to say EINVAL or
 * EFAULT.
 */
static bool translate(const struct clone_args *args, struct pid_set *set)
{
	size_t i, num = args->set_tid_size;
	pid_t set_tid[MAX_SET_TID];

	if (!copy(set_tid, (void *)args->set_tid, num * sizeof(*set_tid)))
		return false;
	for (i = 0; i < num; i++) {
		if (set_tid[i] <= 0)
			return false;
		set->pids[num - 1 - i] = set_tid[i];
	}
	if ((args->flags & CLONE_NEWPID) && set->pids[--num] != 1)
		return false;
	set->num_pids = num;
	return true;
}

/* clone3() with @size bytes of @user. Returns twice, on the same stack. */
static long clone3(const struct clone_args *user, size_t size)
{
	union {
		struct pid_set set;
		__u32 room[1 + MAX_SET_TID];
	} u;
	struct clone_args args;
	long rc;

	memset(&args, 0, sizeof(args));
	/* What is longer has fields that are not known here. */
	if (size < CLONE_ARGS_SIZE_VER1 || size > sizeof(args) || !copy(&args, user, size))
		goto other;

	/* How CRIU asks whether there is set_tid: where there is, this fails. */
	if (args.set_tid && !args.set_tid_size) {
		errno = EINVAL;
		return -1;
	}
	if (!args.set_tid_size)
		goto other;
	if (!fits(&args) || !translate(&args, &u.set)) {
		count(&counts->set_tid);
		return libc_syscall(__NR_clone3, user, size);
	}
	/* A function in C cannot return on another stack, or with another TLS. */
	if (args.stack || args.flags & (CLONE_VM | CLONE_SETTLS)) {
		static const char sorry[] =
			"clone_with_pids_preload: a child with another stack or TLS, or CLONE_VM, cannot be created from here\n";

		(void)!write(STDERR_FILENO, sorry, sizeof(sorry) - 1);
		errno = EOPNOTSUPP;
		return -1;
	}

	rc = clone_with_pids(args.flags, &args, &u.set);
	if (rc)
		count(rc > 0 ? &counts->created : &counts->refused);
	return rc;

other:
	count(&counts->other);
	return libc_syscall(__NR_clone3, user, size);
}

__attribute__((constructor))
static void begin(void)
{
	int error;

	if (counts)
		return;
	libc_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!libc_syscall || counts == MAP_FAILED) {
		fprintf(stderr, "clone_with_pids_preload: cannot be set up\n");
		exit(EXIT_FAILURE);
	}
	loader = getpid();
	error = probe();
	if (error)
		fprintf(stderr, "clone_with_pids_preload: clone_with_pids(): %s; no process with a chosen pid can be created\n",
			strerror(error));
}

long syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);

	if (!counts)	/* another library's constructor comes before this one's */
		begin();
	if (number == __NR_clone3)
		return clone3((void *)a[0], a[1]);
	return libc_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

__attribute__((destructor))
static void end(void)
{
	if (getpid() != loader)
		return;
	/* Nor shall each program that CRIU runs report that it did nothing. */
	if (strcmp(program_invocation_short_name, "criu") && !counts->created &&
	    !counts->refused && !counts->set_tid)
		return;
	fprintf(stderr, "clone_with_pids_preload: %u created by clone_with_pids(), %u refused; left to clone3(): %u with set_tid, %u without\n",
		counts->created, counts->refused, counts->set_tid, counts->other);
}
