// SPDX-License-Identifier: GPL-2.0
/*
 * restart - recreate the process tree that checkpoint wrote down
 *
 *	restart FILE
 *
 * Every process and thread comes back with the ids it had in every pid
 * namespace, with its parent, process group, session and name, stopped if it
 * was, and zombies with their exit status. They are placeholders and do nothing
 * but sleep: to fill them with memory, files and registers is CRIU's job. Nor are
 * other namespaces than those of pids recreated.
 *
 * plan.c finds a way to create the tree, and perform.c takes it. Here is what
 * can be known before that, and what is to be done after it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "restart.h"

#define SHOWN		3	/* busy pids, before it gets too long */
#define MOVE_SECONDS	5

#define SHOWN		3	/* busy pids, before it gets too long */

static const char usage[] =
"Usage: restart [-d] [-i N] [-m METHOD] [-t] FILE\n"
"       restart -n [-i N] FILE\n"
"\n"
"Recreate the process tree that checkpoint wrote to FILE (\"-\": standard input)\n"
"with the same ids in every pid namespace, as sleeping placeholders. Print the pid\n"
"of its root, and stay its parent until it ends. SIGINT, SIGTERM and SIGHUP end\n"
"the whole tree.\n"
"\n"
"  -d, --detach         exit as soon as the tree stands; it then belongs to init\n"
"  -i, --inner N        only the N youngest pid namespaces of the root matter: the\n"
"                       kernel chooses the ids in the older ones, and groups and\n"
"                       sessions that are led from there become restart's own\n"
"  -m, --method METHOD  how to create processes: clone_with_pids, or to compare,\n"
"                       clone3 or ns_last_pid\n"
"  -n, --dry-run        only show the steps that would be taken, if there is a way,\n"
"                       and which pids are in use; nothing is created\n"
"  -t, --time           say on standard error how long it took\n"
"  -h, --help           show this\n"
"\n"
"It needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over its own pid namespace and each\n"
"older one that FILE has ids of; a tree with pid namespaces of its own needs\n"
"CAP_SYS_ADMIN. To restart inside a running pid namespace, use nsenter -p.\n"
"\n"
"If FILE needs the pid of restart itself, a copy of restart goes on with another\n"
"pid, and restart exits, so that its parent can give the pid back.\n"
"\n"
"Exit status:\n"
"  that of the root, or 128+N if signal N ended it; 0 with -d and -n; else\n"
"  1  a step failed: nothing is left of what had been created\n"
"  2  restart was used wrongly\n"
"  3  FILE cannot be read, or is damaged\n"
"  4  the tree cannot be recreated here; nothing was tried\n";

static void __noreturn failed(unsigned int nr, int error)
{
	const struct step *s = &step[nr - 1];
	const struct ids *ids = &actor[s->who].task.pid;
	int i;

	undo();
	fprintf(stderr, "restart: step %u of %d failed: ", nr, num_steps);
	print_step(stderr, s);
	fprintf(stderr, ": %s\n", strerror(error));
	for (i = 0; error == EBUSY && i <= base; i++) {
		struct place place;
		char *holders;

		find_place(&place, base - i);
		holders = ids->nr[i] ? pid_holders(ids->nr[i], &place) : NULL;
		if (holders)
			fprintf(stderr, "  pid %d is held\n%s", ids->nr[i], holders);
		free(holders);
	}
	if (error == ENOSPC || error == EUSERS)
		fputs("  No more pid namespaces: see /proc/sys/user/max_pid_namespaces.\n", stderr);
	fputs("  What had been created has been removed again.\n", stderr);
	exit(EXIT_FAILURE);
}

/* @pid_max: that of the namespace that restart lives in */
static void check_ids(const struct ids *ids, long pid_max)
{
	static long inner;	/* that of the namespaces that it makes */
	unsigned int i;

	for (i = 0; pid_max > 0 && i < ids->num; i++) {
		bool is_inner = (int)i > base;

		if (ids->nr[i] < pid_max)
			continue;
		if (is_inner && !inner)
			inner = new_pid_max();
		if (!is_inner || ids->nr[i] >= inner)
			errx(EXIT_IMPOSSIBLE, "pid %d is not below kernel.pid_max, %ld",
			     ids->nr[i], is_inner ? inner : pid_max);
	}
}

/* What can be known before anything is done. */
static void check_kernel(const struct tree *tree)
{
	long pid_max = read_number("/proc/sys/kernel/pid_max");
	int error = call_error(0);
	unsigned int levels, deepest = 0;
	bool empty;
	int i;

	for (i = 0; i < tree->num; i++) {
		check_ids(&tree->task[i].pid, pid_max);
		check_ids(&tree->task[i].pgid, pid_max);
		check_ids(&tree->task[i].sid, pid_max);
		if (tree->task[i].pid.num > deepest)
			deepest = tree->task[i].pid.num;
	}
	if (newborn_depth(&empty))
		errx(EXIT_IMPOSSIBLE,
		     "its children would live in another pid namespace: use unshare --fork");
	if (method != CLONE_WITH_PIDS)
		return;

	if (error)
		errx(EXIT_IMPOSSIBLE, "%s", error == ENOSYS ?
		     "this kernel has no clone_with_pids(): it needs CONFIG_CLONE_WITH_PIDS=y" :
		     "a seccomp filter forbids clone_with_pids() here");
	levels = count_levels(0);
	if (base + 1 > (int)levels)
		errx(EXIT_IMPOSSIBLE,
		     "the root needs %d pid namespaces, and there are %u: run it inside more, or use --inner %u",
		     base + 1, levels, tree->task[0].pid.num - (base + 1) + levels);
	if (deepest - (base + 1) + levels > MAX_LEVELS)
		errx(EXIT_IMPOSSIBLE, "pid namespaces would nest more than %d deep", MAX_LEVELS);
	if (!may_choose(1, 0))
		errx(EXIT_IMPOSSIBLE,
		     "may not use clone_with_pids(): that needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over this pid namespace");
	for (i = 0; i < base; i++)
		if (!may_choose(base + 1, i))
			errx(EXIT_IMPOSSIBLE,
			     "may not choose pids in an older pid namespace: that needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over it;\n"
			     "  --inner leaves those to the kernel");
}

/* The process that restart was, or is: it will be out of the way. */
static pid_t old_self;

struct taken {
	struct map wanted;	/* key() -> the actor */
	struct place place;
	bool *by_actor;
};

static void take(struct taken *taken, pid_t pid)
{
	int i = pid ? map_find(&taken->wanted, pid) : -1;

	if (i >= 0)
		taken->by_actor[i] = true;
}

static void see_taken(const struct status *st, void *arg)
{
	struct taken *taken = arg;
	int i = proc_index;

	if (i >= (int)st->pid.num)
		return;
	take(taken, st->pid.nr[i]);
	take(taken, st->pgid.nr[i]);
	take(taken, st->sid.nr[i]);
}

static void see_threads_taken(const struct status *st, void *arg)
{
	struct taken *taken = arg;

	if (in_place(st, &taken->place) && st->pid.nr[proc_index] != old_self)
		each_thread(st->tgid, see_taken, arg);
}

/* New pid namespaces are empty, but this one is not. */
static void check_pids(void)
{
	struct taken taken = { .by_actor = calloc(num_actors, sizeof(bool)) };
	int i, num = 0;
	char *holders;

	if (!taken.by_actor)
		err(EXIT_FAILURE, "%d tasks", num_actors);
	for (i = 1; i < num_actors; i++)
		if (!actor[i].any_pid && key(&actor[i].task.pid))
			map_add(&taken.wanted, key(&actor[i].task.pid), i);
	find_place(&taken.place, 0);
	each_process(see_threads_taken, &taken);
	for (i = 1; i < num_actors; i++) {
		if (!taken.by_actor[i] || ++num > SHOWN)
			continue;
		holders = pid_holders(key(&actor[i].task.pid), &taken.place);
		fprintf(stderr, "restart: pid %d, of %s, is in use\n%s",
			key(&actor[i].task.pid), i < num_recorded ? printable(actor[i].task.comm) :
			"the leader that a session or process group had lost",
			holders ? holders : "");
		free(holders);
	}
	if (num > SHOWN)
		fprintf(stderr, "restart: and %d more pids are in use\n", num - SHOWN);
	if (num)
		exit(EXIT_IMPOSSIBLE);
	map_clear(&taken.wanted);
	free(taken.by_actor);
}

/* What the methods that are here to be compared cannot do. */
static void check_method(const struct tree *tree)
{
	int i;

	for (i = 0; method != CLONE_WITH_PIDS && i < tree->num; i++) {
		if (tree->task[i].kind == THREAD)
			errx(EXIT_IMPOSSIBLE, "threads come back through clone_with_pids only");
		if (method == NS_LAST_PID && tree->task[i].pid.num > 1)
			errx(EXIT_IMPOSSIBLE, "ns_last_pid is for one pid namespace only");
	}
}

static bool needs(const struct tree *tree, pid_t pid)
{
	const struct task *task;

	for (task = tree->task; base >= 0 && task < tree->task + tree->num; task++)
		if (task->pid.nr[base] == pid ||
		    (task->kind != THREAD &&
		     (task->pgid.nr[base] == pid || task->sid.nr[base] == pid)))
			return true;
	return false;
}

/* Where the copy of restart tells it that all is well. */
static int all_is_well = -1;

/*
 * The record has the pid of restart itself. So a copy goes on, with a pid that
 * nobody needs. When it finds that all is well, this process exits, and its
 * parent can give the pid back. Returns in the copy; or here, when there is none.
 */
static void move_away(void)
{
	struct ids ids = { .num = 1 };
	int fd[2], status;
	pid_t child;
	char byte;

	if (pipe(fd))
		err(EXIT_FAILURE, "pipe");
	do {
		ids.nr[0] = next_spare(ids.nr[0]);
		child = fork_with_pids(0, &ids);
	} while (child < 0 && errno == EBUSY);
	if (child < 0)
		return;		/* check_kernel() will say why */
	if (!child) {
		/* No group and no session may hold the number, either. */
		if (getsid(0) == old_self)
			setsid();
		else if (getpgrp() == old_self)
			setpgid(0, 0);
		close(fd[0]);
		all_is_well = fd[1];
		return;
	}
	close(fd[1]);
	if (read(fd[0], &byte, 1) == 1) {
		warnx("its pid, %d, is needed: it goes on as process %d", old_self, child);
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
		_exit(EXIT_FAILURE);
	_exit(WEXITSTATUS(status));
}

static void await_move(void)
{
	int tries;

	if (all_is_well < 0)
		return;
	if (write(all_is_well, "", 1) != 1)
		err(EXIT_FAILURE, "cannot tell the process that this is a copy of");
	close(all_is_well);
	for (tries = 0; tries < MOVE_SECONDS * 100; tries++) {
		if (kill(old_self, 0) && errno == ESRCH)
			return;
		usleep(10000);
	}
	errx(EXIT_IMPOSSIBLE,
	     "pid %d, which restart had and the record needs, is still in use: its parent has not waited;\n"
	     "  do not read from restart through a pipe, or give it another pid (ns_last_pid)", old_self);
}

/* Signals that end it, with what has been created; not those that it is to ignore. */
static void find_ending(sigset_t *set)
{
	static const int ending[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE,
	};
	unsigned int i;

	sigemptyset(set);
	for (i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		struct sigaction act;

		if (!sigaction(ending[i], NULL, &act) && act.sa_handler != SIG_IGN)
			sigaddset(set, ending[i]);
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* On a terminal, and when it takes its time. */
static void show_progress(int nr)
{
	static int shown = -1;
	static double last;

	if (shown < 0) {
		shown = isatty(STDERR_FILENO);
		last = now();
	}
	if (!shown || (now() < last + 0.5 && nr < num_steps))
		return;
	if (nr < num_steps) {
		last = now();
		shown = 2;
		fprintf(stderr, "\rrestart: step %d of %d", nr, num_steps);
	} else if (shown == 2) {
		fputs("\r\033[K", stderr);
	}
}

/*
 * When a group loses its last member that has a parent of another group in the
 * same session, those of it that are stopped get SIGHUP. Not if that parent, or
 * member, is restart, and has left the session before.
 */
static void leave_session(void)
{
	int i;

	for (i = 1; i < num_recorded && !actor[i].task.stopped; i++)
		;
	if (i < num_recorded && setsid() < 0)
		warnx("%d is stopped, and may get SIGHUP now: restart leads a process group",
		      pid_of(i));
}

/* Exits as the root does; a signal ends the whole tree. */
static void __noreturn stay(pid_t root, const sigset_t *set)
{
	siginfo_t info;
	int status;
	pid_t pid;

	for (;;) {
		if (sigwaitinfo(set, &info) < 0) {
			if (errno == EINTR)
				continue;
			err(EXIT_FAILURE, "sigwaitinfo");
		}
		if (info.si_signo != SIGCHLD) {
			undo();
			exit(128 + info.si_signo);
		}
		/* Orphans of the tree come here, too. */
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == root)
				exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status));
	}
}

static void __noreturn misused(const char *what)
{
	fprintf(stderr, "restart: %s\nTry 'restart --help'.\n", what);
	exit(EXIT_USAGE);
}

/* Forgets all but the @num youngest ids of the root, and what others have there. */
static void keep_levels(struct tree *tree, unsigned int num)
{
	unsigned int drop = tree->task[0].pid.num - num;
	struct task *task;

	for (task = tree->task; task < tree->task + tree->num; task++) {
		struct ids *all[] = { &task->pid, &task->pgid, &task->sid };
		unsigned int i;

		for (i = 0; i < 3 && all[i]->num; i++) {
			all[i]->num -= drop;
			memmove(all[i]->nr, all[i]->nr + drop,
				all[i]->num * sizeof(all[i]->nr[0]));
		}
	}
}

static enum method find_method(const char *name)
{
	static const char * const names[] = { "clone_with_pids", "clone3", "ns_last_pid" };
	int i;

	for (i = 0; i < 3; i++)
		if (!strcmp(name, names[i]))
			return i;
	misused("METHOD is clone_with_pids, clone3 or ns_last_pid");
}

static void show_plan(void)
{
	int i;

	for (i = 0; i < num_steps; i++) {
		print_step(stdout, &step[i]);
		putchar('\n');
	}
	close_stdout();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help",	no_argument,		NULL, 'h' },
		{ "detach",	no_argument,		NULL, 'd' },
		{ "inner",	required_argument,	NULL, 'i' },
		{ "method",	required_argument,	NULL, 'm' },
		{ "dry-run",	no_argument,		NULL, 'n' },
		{ "time",	no_argument,		NULL, 't' },
		{ }
	};
	bool detach = false, dry_run = false, timed = false, outside = false;
	double start, planned;
	struct ids inner = { };
	struct tree tree;
	sigset_t set;
	int c, i;

	while ((c = getopt_long(argc, argv, "hdi:m:nt", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'd':
			detach = true;
			break;
		case 'i':
			if (ids_parse(&inner, optarg) || inner.num != 1 || !inner.nr[0])
				misused("N has to be one number, and not 0");
			break;
		case 'm':
			method = find_method(optarg);
			break;
		case 'n':
			dry_run = true;
			break;
		case 't':
			timed = true;
			break;
		default:
			fputs("Try 'restart --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (detach && dry_run)
		misused("-d and -n do not go together");
	if (argc - optind != 1)
		misused(optind == argc ? "which FILE?" : "one FILE only");

	tree_read(&tree, argv[optind]);
	if (inner.num) {
		if (inner.nr[0] > (int)tree.task[0].pid.num)
			errx(EXIT_IMPOSSIBLE, "the root has ids of %u pid namespaces only",
			     tree.task[0].pid.num);
		outside = inner.nr[0] < (int)tree.task[0].pid.num;
		keep_levels(&tree, inner.nr[0]);
	}
	old_self = getpid();
	look_over(&tree);
	if (needs(&tree, old_self)) {
		if (dry_run)
			warnx("its pid, %d, is needed: a copy of it would go on", old_self);
		else
			move_away();
	}

	if (!dry_run) {
		check_method(&tree);
		check_kernel(&tree);
	}

	start = now();
	make_plan(&tree, outside);
	planned = now();
	find_self();
	if (dry_run)
		show_plan();
	if (base >= 0)
		check_pids();
	if (dry_run)
		return 0;
	await_move();

	/* An ignored SIGCHLD would be inherited, and leave no zombies. */
	signal(SIGCHLD, SIG_DFL);
	find_ending(&set);
	set_stage(&set);
	sigaddset(&set, SIGCHLD);

	for (i = 1; i <= num_steps; i++) {
		int error;

		i = direct(i, &error);
		if (error)
			failed(i, error);
		show_progress(i);
	}
	finish();

	if (timed)
		fprintf(stderr, "restart: %d tasks: %.3f s to plan, %.3f s to create, %.0f us each\n",
			tree.num, planned - start, now() - planned,
			(now() - planned) * 1e6 / tree.num);
	printf("%d\n", pid_of(1));
	if (fflush(stdout)) {
		warn("cannot write the root's pid to standard output");
		if (detach) {	/* nobody would know whom to wait for, or kill */
			undo();
			return EXIT_FAILURE;
		}
	}
	if (detach) {
		leave_session();
		return 0;
	}
	stay(pid_of(1), &set);
}
