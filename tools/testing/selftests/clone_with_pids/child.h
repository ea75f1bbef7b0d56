/* SPDX-License-Identifier: GPL-2.0 */
/* Creates children by the call or by fork(), and waits for them. */
#ifndef SELFTEST_CHILD_H
#define SELFTEST_CHILD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../kselftest.h"
#include "call.h"
#include "proc.h"
#include "util.h"

/* Waits for @pid, with any exit signal. Returns its exit status, or 128 + signal. */
static inline int wait_exit(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Shared memory in which children report their pids */
static struct nspid *report;

static inline void report_and_exit(int status)
{
	*report = read_nspid("/proc/self/status");
	_exit(status);
}

/* Creates a child that exits at once. Returns its pid, and all its pids in @ids. */
static inline int spawn(unsigned long flags, const void *set, struct nspid *ids)
{
	int pid;

	if (!report)
		report = shared(sizeof(*report));
	report->n = 0;
	pid = clone_with_pids(flags | SIGCHLD, NULL, NULL, NULL, 0, set);
	if (!pid)
		report_and_exit(42);
	if (pid > 0 && wait_exit(pid) != 42)
		pid = -ECHILD;
	*ids = *report;
	return pid;
}

/* The same by fork(). Returns all pids. */
static inline struct nspid plain_fork(void)
{
	pid_t pid;

	if (!report)
		report = shared(sizeof(*report));
	report->n = 0;
	pid = fork();
	if (!pid)
		report_and_exit(0);
	if (pid > 0)
		wait_exit(pid);
	return *report;
}

/*
 * The caller is to be killed when @parent dies, which may have happened already.
 * getppid() is 0 for a parent in another pid namespace.
 */
static inline void die_with(pid_t parent)
{
	pid_t now;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	now = getppid();
	if (now && now != parent)
		_exit(KSFT_FAIL);
}

/*
 * Creates a child with @set that stays until it, or its parent, is killed, and
 * waits until that is set up.
 */
static inline int hold(const void *set)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -errno;
	pid = clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, set);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(ready[1], "", 1) != 1)
			_exit(KSFT_FAIL);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &c, 1) != 1)
		fprintf(stderr, "%d does not hold its pids\n", pid);
	close(ready[0]);
	return pid;
}

static inline void let_go(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_exit(pid);
}

/*
 * Forks. The child returns and goes on with the test; the parent waits for it
 * and exits with the same status. If the parent is killed, so is the child.
 */
static inline void go_on_as_child(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	int status;

	if (pid < 0) {
		perror("fork");
		_exit(KSFT_FAIL);
	}
	if (!pid) {
		die_with(parent);
		return;
	}
	status = wait_exit(pid);
	_exit(status < 0 ? KSFT_FAIL : status);
}

#endif /* SELFTEST_CHILD_H */
