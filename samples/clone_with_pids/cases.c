// SPDX-License-Identifier: GPL-2.0
/*
 * cases - processes that are hard to write down or to recreate, for samples_test.sh
 *
 *	cases NAME [ARG...]
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

#ifndef __NR_clone_with_pids
#define __NR_clone_with_pids 499
#endif

static void *wait_here(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void start_thread(void *(*fn)(void *arg))
{
	pthread_t t;
	int error = pthread_create(&t, NULL, fn, NULL);

	if (error)
		errx(1, "pthread_create: %s", strerror(error));
}

/* Eight threads and execve(), for ever. */
static void exec_threads(char **argv)
{
	int i;

	for (i = 0; i < 8; i++)
		start_thread(wait_here);
	execv("/proc/self/exe", argv - 2);
	err(1, "execv");
}

/* The first thread exits, the other lives on. */
static void leader_gone(char **argv)
{
	(void)argv;
	start_thread(wait_here);
	syscall(SYS_exit, 0);
}

/* Waits for ever in calls that can return EINTR; says which of them did. */
static void *wait_in_sigwait(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigtimedwait(&set, NULL, NULL);
	printf("sigtimedwait: %s\n", strerror(errno));
	fflush(stdout);
	return arg;
}

static void *wait_in_semop(void *arg)
{
	struct sembuf op = { .sem_op = -1 };

	semop(semget(IPC_PRIVATE, 1, 0600), &op, 1);
	printf("semop: %s\n", strerror(errno));
	fflush(stdout);
	return arg;
}

static void *wait_in_epoll(void *arg)
{
	struct epoll_event e;

	epoll_wait(epoll_create1(0), &e, 1, -1);
	printf("epoll_wait: %s\n", strerror(errno));
	fflush(stdout);
	return arg;
}

static void wait_forever(char **argv)
{
	(void)argv;
	start_thread(wait_in_sigwait);
	start_thread(wait_in_semop);
	start_thread(wait_in_epoll);
	wait_here(NULL);
}

/* One short command after the other. */
static void vfork_forever(char **argv)
{
	(void)argv;
	for (;;)
		if (system(":"))
			exit(1);
}

/* A vfork() child that takes its time before it calls execve(). */
static void slow_vfork(char **argv)
{
	(void)argv;
	for (;;) {
		if (!vfork()) {
			usleep(300000);
			execl("/proc/self/exe", "cases", "nothing", NULL);
			_exit(1);
		}
	}
}

/*
 * The first process of a pid namespace is ending, and waits for a zombie in there
 * that a parent outside does not wait for.
 */
static void init_waits(char **argv)
{
	pid_t init, zombie;

	(void)argv;
	if (unshare(CLONE_NEWPID))
		err(1, "unshare");
	init = fork();
	if (!init)
		wait_here(NULL);
	zombie = fork();
	if (!zombie)
		_exit(0);
	usleep(300000);
	kill(init, SIGKILL);
	printf("%d %d\n", init, zombie);
	fflush(stdout);
	wait_here(NULL);
}

/* The parent of a zombie in the pid namespace of process @argv[0], from outside. */
static void outside_parent(char **argv)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/pid", argv[0]);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWPID))
		err(1, "%s", path);
	if (!fork())
		_exit(0);
	wait_here(NULL);
}

/* Each makes the next and stays; all end with the first process of the namespace. */
static void endless(char **argv)
{
	(void)argv;
	for (;;)
		if (fork())
			wait_here(NULL);
}

/*
 * Grows a tree by what real programs do, at random: daemons that are left behind,
 * jobs, sessions, pid namespaces, threads, zombies, stopped processes.
 */
static unsigned int state;

static unsigned int pick(unsigned int num)
{
	state = state * 1103515245 + 12345;
	return (state >> 16) % num;
}

static void grow_here(int depth)
{
	bool entered = false;
	pid_t child, job = 0;
	int i;

	for (i = 3 + pick(3); i; i--) {
		unsigned int seed = state + i, what = pick(10);

		if (what == 0)
			setsid();
		if (what == 1)
			setpgid(0, 0);
		/* The first process of a namespace would wait for its own group to go. */
		if (what == 2 && job && getpid() != 1)
			setpgid(0, job);
		if (what == 3 && !entered)
			start_thread(wait_here);
		if (what == 4 && !entered)
			entered = !unshare(CLONE_NEWPID);
		if (what < 5 && what != 4)
			continue;
		if (depth == 0)
			continue;
		child = fork();
		if (child > 0) {
			if (what == 6 && !setpgid(child, job))
				job = job ? job : child;
			if (what == 7)
				usleep(pick(20) * 1000);
			continue;
		}
		if (child < 0)
			continue;
		state = seed;
		if (what == 9 && getpid() != 1)
			_exit(pick(256));
		if (what == 8 && getpid() != 1) {
			/* A daemon: its parent goes. */
			if (pick(2))
				setsid();
			if (fork())
				_exit(0);
		}
		grow_here(depth - 1);
		if (getpid() != 1 && !pick(8))
			raise(SIGSTOP);
		wait_here(NULL);
	}
}

static void grow(char **argv)
{
	state = atoi(argv[0]);
	signal(SIGHUP, SIG_IGN);	/* of groups that become orphans, and are stopped */
	grow_here(3);
	wait_here(NULL);
}

/* A child subreaper. */
static void subreaper(char **argv)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		err(1, "PR_SET_CHILD_SUBREAPER");
	execvp(argv[0], argv);
	err(1, "%s", argv[0]);
}

static void ignore_hup(char **argv)
{
	signal(SIGHUP, SIG_IGN);
	execvp(argv[0], argv);
	err(1, "%s", argv[0]);
}

/* Runs a command as user @argv[0], with CAP_CHECKPOINT_RESTORE and nothing else. */
static void restorer(char **argv)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	const int cap = CAP_CHECKPOINT_RESTORE;

	if (prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NOROOT) ||
	    setresuid(atoi(argv[0]), atoi(argv[0]), atoi(argv[0])))
		err(1, "setresuid");
	data[cap / 32].permitted = 1U << cap % 32;
	data[cap / 32].effective = data[cap / 32].permitted;
	data[cap / 32].inheritable = data[cap / 32].permitted;
	if (syscall(SYS_capset, &header, data) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
		err(1, "capset");
	execvp(argv[1], argv + 1);
	err(1, "%s", argv[1]);
}

/* Runs a command as user @argv[0], without privilege. */
static void user(char **argv)
{
	if (setresgid(atoi(argv[0]), atoi(argv[0]), atoi(argv[0])) ||
	    setresuid(atoi(argv[0]), atoi(argv[0]), atoi(argv[0])))
		err(1, "setresuid");
	execvp(argv[1], argv + 1);
	err(1, "%s", argv[1]);
}

/* Runs a command whose clone_with_pids() may not have CLONE_NEWPID: EPERM. */
static void filtered(char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone_with_pids, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWPID, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		err(1, "seccomp");
	execvp(argv[0], argv);
	err(1, "%s", argv[0]);
}

static void nothing(char **argv)
{
	(void)argv;
	exit(0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(char **argv);
		int args;
	} cases[] = {
		{ "exec_threads", exec_threads, 0 },
		{ "leader_gone", leader_gone, 0 },
		{ "wait_forever", wait_forever, 0 },
		{ "vfork_forever", vfork_forever, 0 },
		{ "slow_vfork", slow_vfork, 0 },
		{ "init_waits", init_waits, 0 },
		{ "outside_parent", outside_parent, 1 },
		{ "endless", endless, 0 },
		{ "grow", grow, 1 },
		{ "subreaper", subreaper, 1 },
		{ "ignore_hup", ignore_hup, 1 },
		{ "restorer", restorer, 2 },
		{ "user", user, 2 },
		{ "filtered", filtered, 1 },
		{ "nothing", nothing, 0 },
	};
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(argv[1], cases[i].name) && argc >= 2 + cases[i].args)
			cases[i].fn(argv + 2);
	fputs("usage: cases NAME [ARG...], as samples_test.sh has them\n", stderr);
	return 2;
}
