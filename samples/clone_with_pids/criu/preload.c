// SPDX-License-Identifier: GPL-2.0
/*
 * CRIU, unmodified, through clone_with_pids():
 *
 *	LD_PRELOAD=.../clone_with_pids_preload.so criu restore ...
 *
 * CRIU creates each process with syscall(__NR_clone3, ...) and set_tid. This
 * library takes the place of the C library's syscall(), and calls
 * clone_with_pids() for that. What it does not translate goes to the kernel as
 * it is, and is counted; the process that loaded it says on stderr, when it
 * exits, what was done. If the kernel has no such call, or refuses it, CRIU is
 * told so: there is no fallback.
 *
 * The threads of a restored process are created by code that CRIU puts into that
 * process, which no library can replace: they come from clone3() still.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/sched.h>
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
	unsigned int translated;	/* were made by clone_with_pids() */
	unsigned int refused;		/* were refused by it */
	unsigned int passed_on;		/* went to clone3() as they were */
} *counts;

static pid_t loader;

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

/* 0 where the call works, or why it does not: it refuses so long a set first. */
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

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size)
		return true;
	if (errno == EFAULT)
		return false;
	memcpy(to, from, size);	/* this kernel, or a filter, has no such call */
	return true;
}

/*
 * What clone_with_pids() can do in the same way. It has no flags above bit 31 or
 * in the byte of the exit signal, one pointer for the pidfd and the tid, and
 * ignores what clone3() refuses.
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
	return args->exit_signal <= CSIGNAL && args->set_tid_size <= MAX_SET_TID;
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
		goto pass_on;

	/* How CRIU asks for set_tid. An error is all that there can be. */
	if (args.set_tid && !args.set_tid_size) {
		errno = probe() ?: EINVAL;
		return -1;
	}
	if (!args.set_tid_size || !fits(&args) || !translate(&args, &u.set))
		goto pass_on;
	/* A function in C cannot return on another stack, or with another TLS. */
	if (args.stack || args.flags & (CLONE_VM | CLONE_SETTLS)) {
		static const char sorry[] =
			"clone_with_pids_preload: a child with another stack or TLS, or CLONE_VM, cannot be created from here\n";

		(void)!write(STDERR_FILENO, sorry, sizeof(sorry) - 1);
		count(&counts->refused);
		errno = EOPNOTSUPP;
		return -1;
	}

	rc = clone_with_pids(args.flags, &args, &u.set);
	if (rc)
		count(rc > 0 ? &counts->translated : &counts->refused);
	return rc;

pass_on:
	count(&counts->passed_on);
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
	/* Programs that create no process have nothing to tell. */
	if (getpid() != loader ||
	    !(counts->translated || counts->refused || counts->passed_on))
		return;
	fprintf(stderr, "clone_with_pids_preload: %u created by clone_with_pids(), %u refused, %u clone3() passed on\n",
		counts->translated, counts->refused, counts->passed_on);
}
