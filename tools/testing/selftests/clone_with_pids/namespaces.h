/* SPDX-License-Identifier: GPL-2.0 */
/* Nested pid namespaces for the caller, or for its children only. */
#ifndef SELFTEST_NAMESPACES_H
#define SELFTEST_NAMESPACES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../kselftest.h"
#include "call.h"
#include "child.h"
#include "proc.h"
#include "util.h"

/* <linux/pidfd.h> conflicts with <fcntl.h>. */
#ifndef PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE
#define PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE _IO(0xFF, 6)
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

#define DEPTH 3			/* levels of the usual nesting: see nest() */

static inline void must_unshare(int flags)
{
	if (unshare(flags)) {
		perror("unshare");
		_exit(KSFT_FAIL);
	}
}

/* The same. In a new user namespace the caller keeps its uid and gid. */
static inline void must_unshare_as_same_user(int flags)
{
	const int uid = geteuid(), gid = getegid();
	char uid_map[32], gid_map[32];

	must_unshare(flags);
	if (!(flags & CLONE_NEWUSER))
		return;
	snprintf(uid_map, sizeof(uid_map), "%d %d 1", uid, uid);
	snprintf(gid_map, sizeof(gid_map), "%d %d 1", gid, gid);
	if (write_str("/proc/self/uid_map", uid_map) ||
	    write_str("/proc/self/setgroups", "deny") ||
	    write_str("/proc/self/gid_map", gid_map)) {
		fprintf(stderr, "cannot map user %d, group %d\n", uid, gid);
		_exit(KSFT_FAIL);
	}
}

/*
 * On newer kernels each pid namespace has its own pid_max, and only its members
 * can open the file. Namespaces created here inherit the value of their parent,
 * and the files stay open, so that set_pid_max() can change all levels.
 */
struct pid_max_files {
	int n;
	int fd[MAX_LEVELS];
};

static struct pid_max_files pid_max_files;

static inline void add_pid_max_file(void)
{
	struct pid_max_files *files = &pid_max_files;

	files->fd[files->n++] = open(PID_MAX, O_RDWR | O_CLOEXEC);
}

/* Sets pid_max where the caller started, and in the namespaces created since. */
static inline int set_pid_max(int pid_max)
{
	int i, len, err = 0;
	char text[16];

	if (!pid_max_files.n)
		add_pid_max_file();
	len = snprintf(text, sizeof(text), "%d", pid_max);
	for (i = 0; i < pid_max_files.n; i++) {
		/* A write at another offset than 0 is ignored. */
		if (pwrite(pid_max_files.fd[i], text, len, 0) != len)
			err = -errno;
	}
	return err;
}

/* The caller becomes the init of a new pid namespace. */
static inline void nest_as_init(void)
{
	int pid_max = read_int(PID_MAX);

	if (!pid_max_files.n)
		add_pid_max_file();
	must_unshare(CLONE_NEWPID);
	go_on_as_child();
	add_pid_max_file();
	write_int(PID_MAX, pid_max);
	pass_reserved_pids();
}

/*
 * Moves the caller @depth pid namespaces down, where it is not init:
 *
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller
 */
static inline void nest(int depth)
{
	while (depth--)
		nest_as_init();
	go_on_as_child();
}

/*
 * Sets the caller's pid_for_children to a namespace @depth levels down:
 *
 *   oldest                      middle       youngest
 *   caller . . . . . . . . . . . . . . . . . children
 *        `---> helper       --> init     --> init --> helper
 *
 * Returns the pid of the youngest namespace's init, as the caller sees it.
 */
static inline pid_t nest_children(int depth)
{
	struct nspid *init = shared(sizeof(*init));
	struct pid_max_files *files = shared(sizeof(*files));
	int fds[2], fd, pidfd, i;
	pid_t pid, parent = getpid();
	char path[64];
	char c;

	if (pipe(fds))
		_exit(KSFT_FAIL);
	pid = fork();
	if (pid < 0)
		_exit(KSFT_FAIL);
	if (!pid) {
		die_with(parent);
		while (depth--)
			nest_as_init();
		*init = read_nspid("/proc/self/status");
		*files = pid_max_files;
		if (write(fds[1], "", 1) != 1)
			_exit(KSFT_FAIL);
		for (;;)
			pause();
	}
	close(fds[1]);
	if (read(fds[0], &c, 1) != 1)
		_exit(KSFT_FAIL);
	close(fds[0]);
	pidfd = syscall(SYS_pidfd_open, init->pid[0], 0);
	for (i = 0; i < files->n; i++)
		files->fd[i] = syscall(SYS_pidfd_getfd, pidfd, files->fd[i], 0);
	close(pidfd);
	pid_max_files = *files;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", init->pid[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWPID)) {
		perror(path);
		_exit(KSFT_FAIL);
	}
	close(fd);
	return init->pid[0];
}

/*
 * Opens the pid_for_children namespace of @tid, for setns(). This works before
 * the namespace has an init, when /proc/PID/ns/pid_for_children does not.
 */
static inline int ns_for_children(pid_t tid)
{
	int pidfd = syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
	int fd = ioctl(pidfd, PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE, 0);

	if (fd < 0) {
		perror("PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE");
		_exit(KSFT_FAIL);
	}
	close(pidfd);
	return fd;
}

/*
 * Nested pid namespaces, each with an idle init, except the last, which has no
 * init yet. The caller must be in the namespace of /proc.
 *
 *   0             1                 last - 1   last
 *   caller
 *     `-> helper --> init --> ... --> init . . .
 */
struct chain {
	int last;
	pid_t init[MAX_LEVELS];		/* as the caller sees them; 0: helper */
	int ns[MAX_LEVELS];		/* for setns() */
};

static inline void __attribute__((noreturn))
add_inits(pid_t parent, pid_t *init, int last, int ready)
{
	int level = 0;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);	/* A killed init is reaped by the kernel. */
	do {
		die_with(parent);
		init[level] = read_nspid("/proc/self/status").pid[0];
		must_unshare(CLONE_NEWPID);
		pid = ++level < last ? fork() : -1;
	} while (!pid);

	if (level == last && write(ready, "", 1) != 1)
		_exit(KSFT_FAIL);
	close(ready);
	for (;;)
		pause();
}

static inline void make_chain(struct chain *chain, int last)
{
	pid_t *init = shared(sizeof(chain->init));
	int fds[2], level;
	pid_t pid, parent = getpid();
	char c;

	if (pipe(fds))
		_exit(KSFT_FAIL);
	pid = fork();
	if (!pid)
		add_inits(parent, init, last, fds[1]);
	close(fds[1]);
	if (pid < 0 || read(fds[0], &c, 1) != 1) {
		fprintf(stderr, "cannot make %d pid namespaces\n", last);
		_exit(KSFT_FAIL);
	}
	close(fds[0]);

	chain->last = last;
	memcpy(chain->init, init, sizeof(chain->init));
	munmap(init, sizeof(chain->init));
	chain->ns[0] = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	for (level = 1; level <= last; level++)
		chain->ns[level] = ns_for_children(chain->init[level - 1]);
}

/* The number of pid namespaces that the caller's next child will be in */
static inline int levels(void)
{
	struct any_set set = { .num_pids = MAX_LEVELS };
	struct nspid ids;

	while (set.num_pids && spawn(0, &set, &ids) == -EINVAL)
		set.num_pids--;
	return set.num_pids;
}

#endif /* SELFTEST_NAMESPACES_H */
