// SPDX-License-Identifier: GPL-2.0
/*
 * Two restores side by side, which want overlapping pids in three pid namespaces.
 * One is refused each time, for its pid in the oldest namespace is in use. The
 * other's pids are all free: each time it fails, that is for a pid that nobody
 * has, which the first one holds while it is being refused.
 *
 * Asks through syscall(__NR_clone3), as CRIU does, but for the pids of all three
 * levels: CRIU requests the youngest only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	unsigned long refused, created, failed;
} *counts;

static void die(const char *what)
{
	fprintf(stderr, "rivals: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* A child with these pids, youngest namespace first; it exits at once. */
static pid_t restore(const pid_t set_tid[3])
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = 3,
	};
	pid_t pid = syscall(__NR_clone3, &args, sizeof(args));

	if (!pid)
		_exit(0);
	return pid;
}

/* The rival whose pid 1 of the oldest namespace is in use, for ever. */
static void be_refused(void)
{
	static const pid_t set_tid[3] = { 50, 100, 1 };

	for (;;) {
		if (restore(set_tid) >= 0 || errno != EEXIST)
			die("the taken pid");
		counts->refused++;
	}
}

static void be_created(int seconds)
{
	static const pid_t set_tid[3] = { 50, 100, 1000 };
	time_t end = time(NULL) + seconds;

	while (time(NULL) < end) {
		pid_t pid = restore(set_tid);

		if (pid > 0) {
			waitpid(pid, NULL, 0);
			counts->created++;
		} else if (errno == EEXIST) {
			counts->failed++;
		} else {
			die("the free pids");
		}
	}
}

static void in_new_namespace(void (*then)(int), int arg)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		die("unshare");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		then(arg);
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("a namespace's init failed");
}

static void race(int seconds)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (!pid)
		be_refused();
	be_created(seconds);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		die("the rival has ended by itself");
}

static void in_the_third(int seconds)
{
	in_new_namespace(race, seconds);
}

int main(int argc, char *argv[])
{
	int seconds = argc == 2 ? atoi(argv[1]) : 0;

	if (seconds <= 0) {
		fprintf(stderr, "usage: rivals SECONDS\n");
		return EXIT_FAILURE;
	}
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		die("mmap");
	in_new_namespace(in_the_third, seconds);
	printf("rivals: of %lu restores whose pids were all free, %lu failed for a pid that nobody had; beside %lu refused ones\n",
	       counts->created + counts->failed, counts->failed, counts->refused);
	return counts->created && counts->refused ? EXIT_SUCCESS : EXIT_FAILURE;
}
