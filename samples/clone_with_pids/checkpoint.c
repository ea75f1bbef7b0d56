// SPDX-License-Identifier: GPL-2.0
/*
 * checkpoint - write down a process tree, for restart to recreate it
 *
 *	checkpoint -o FILE PID
 *
 * Records who everybody is: the ids of each process and thread in every pid
 * namespace, parents, process groups, sessions, zombies and names, all of it
 * from /proc. What they do, memory and files and signals, is not recorded: that
 * is CRIU's job. The record is described in pidtree.h.
 *
 * A tree that lives changes while it is read. So it is halted first, with
 * PTRACE_INTERRUPT rather than SIGSTOP or the cgroup freezer: no parent and no
 * shell can see it, jobs that were stopped before stay so, nothing has to be
 * moved to a cgroup, and if this program dies, the kernel lets the tree go on.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "pidtree.h"

#define HALT_SECONDS 5

static const char usage[] =
"Usage: checkpoint [-o FILE] PID\n"
"       checkpoint -t [FILE]\n"
"\n"
"Write down the process PID and its descendants: their ids in every pid\n"
"namespace, parents, process groups, sessions, threads and names. The tree is\n"
"halted while it is read, and then goes on. restart recreates it.\n"
"\n"
"  -o, --output FILE  write to FILE, whole or not at all; default: standard output\n"
"  -t, --table        show a record (default: of standard input) as a table\n"
"  -h, --help         show this\n"
"\n"
"Exit status:\n"
"  0  done\n"
"  1  the tree cannot be read, or the record not be written\n"
"  2  checkpoint was used wrongly\n"
"  3  -t: the file cannot be read, or is damaged\n";

static void __noreturn misused(const char *what)
{
	fprintf(stderr, "checkpoint: %s\nTry 'checkpoint --help'.\n", what);
	exit(EXIT_USAGE);
}

/* All processes of /proc; those of the tree are in order of discovery. */
struct process {
	struct status st;
	bool in_tree;
};

static struct process *process;
static int num_processes;

static void add_process(const struct status *st, void *arg)
{
	(void)arg;
	if (!(num_processes & 255)) {
		process = reallocarray(process, num_processes + 256, sizeof(*process));
		if (!process)
			err(EXIT_FAILURE, "%d processes", num_processes);
	}
	process[num_processes].st = *st;
	process[num_processes++].in_tree = false;
}

static int by_pid(const void *a, const void *b)
{
	const struct process *p = a, *q = b;

	return p->st.tgid - q->st.tgid;
}

static struct process *find_process(pid_t pid)
{
	struct process wanted = { .st.tgid = pid };

	return bsearch(&wanted, process, num_processes, sizeof(wanted), by_pid);
}

static void mark_tree(struct process *p)
{
	int i;

	p->in_tree = true;
	for (i = 0; i < num_processes; i++)
		if (process[i].st.ppid == p->st.tgid && !process[i].in_tree)
			mark_tree(&process[i]);
}

static void read_processes(pid_t root)
{
	struct process *p;

	num_processes = 0;
	each_process(add_process, NULL);
	qsort(process, num_processes, sizeof(*process), by_pid);
	p = find_process(root);
	if (!p)
		errx(EXIT_FAILURE, "there is no process %d", root);
	if (p->st.kthread)
		errx(EXIT_FAILURE, "%d (%s) is a kernel thread", root, printable(p->st.comm));
	if (p->st.state == 'Z')
		errx(EXIT_FAILURE, "%d (%s) is a zombie: nothing is left to write down", root,
		     printable(p->st.comm));
	mark_tree(p);
	p = find_process(getpid());
	if (p && p->in_tree)
		errx(EXIT_FAILURE, "it runs inside the tree of %d, and would halt itself", root);
}

/* The threads that are halted. */
struct tracee {
	pid_t pid, tid;
	bool halted;
	int signal;		/* caught on its way to the thread */
};

static struct tracee *tracee;
static int num_tracees;
static int num_new;

static void seize(const struct status *st, void *arg)
{
	pid_t tid = st->pid.nr[0];
	int i;

	(void)arg;
	if (st->state == 'Z' || st->state == 'X')
		return;
	for (i = 0; i < num_tracees; i++)
		if (tracee[i].tid == tid)
			return;
	if (ptrace(PTRACE_SEIZE, tid, 0, 0) || ptrace(PTRACE_INTERRUPT, tid, 0, 0)) {
		struct status now;
		char path[48];

		snprintf(path, sizeof(path), "/proc/%d/task/%d", st->tgid, tid);
		if (errno == ESRCH || read_status(&now, path) || now.state == 'Z')
			return;
		if (errno == EPERM)
			errx(EXIT_FAILURE,
			     "may not halt %d (%s): it needs CAP_SYS_PTRACE, and no debugger may be there before",
			     tid, printable(st->comm));
		err(EXIT_FAILURE, "cannot halt %d (%s)", tid, printable(st->comm));
	}

	if (!(num_tracees & 255)) {
		tracee = reallocarray(tracee, num_tracees + 256, sizeof(*tracee));
		if (!tracee)
			err(EXIT_FAILURE, "%d threads", num_tracees);
	}
	tracee[num_tracees++] = (struct tracee){ .pid = st->tgid, .tid = tid };
	num_new++;
}

/* Waits until one more thread has halted, or has ended instead. */
static void await_halt(struct tracee *t)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	time_t end = time(NULL) + HALT_SECONDS;
	int status;
	pid_t tid;

	while ((tid = waitpid(t->tid, &status, __WALL | WNOHANG)) == 0) {
		if (time(NULL) > end)
			errx(EXIT_FAILURE,
			     "thread %d of process %d does not halt: it waits inside the kernel, perhaps in vfork()",
			     t->tid, t->pid);
		nanosleep(&pause, NULL);
	}
	t->halted = tid == t->tid && WIFSTOPPED(status);
	/* A stop without an event is a signal on its way; it must not be lost. */
	if (t->halted && !(status >> 16))
		t->signal = WSTOPSIG(status);
}

/*
 * Halts the tree. A process may fork until it has halted itself, so look again
 * until a look at the whole of /proc finds nobody new: all were halted during
 * that look, and what it saw is the tree.
 */
static void halt_tree(pid_t root)
{
	int i, seen;

	do {
		num_new = 0;
		seen = num_tracees;
		read_processes(root);
		for (i = 0; i < num_processes; i++)
			if (process[i].in_tree)
				each_thread(process[i].st.tgid, seize, NULL);
		for (i = seen; i < num_tracees; i++)
			await_halt(&tracee[i]);
	} while (num_new);
}

static void let_go(void)
{
	int i;

	for (i = 0; i < num_tracees; i++)
		if (tracee[i].halted)
			ptrace(PTRACE_DETACH, tracee[i].tid, 0, tracee[i].signal);
}

/* Namespaces are numbered as they appear. */
static int ns_number(pid_t pid)
{
	static struct stat *known;
	static int num;
	char path[32];
	struct stat st;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (stat(path, &st))
		err(EXIT_FAILURE, "%s", path);
	for (i = 0; i < num; i++)
		if (known[i].st_ino == st.st_ino && known[i].st_dev == st.st_dev)
			return i;
	known = reallocarray(known, num + 1, sizeof(*known));
	if (!known)
		err(EXIT_FAILURE, "%d namespaces", num);
	known[num] = st;
	return num++;
}

struct recorder {
	struct tree *tree;
	int process;
};

static void record_thread(const struct status *st, void *arg)
{
	struct recorder *r = arg;
	struct task *task;

	if (st->pid.nr[0] == st->tgid || st->state == 'Z' || st->state == 'X')
		return;
	task = tree_add(r->tree);
	task->kind = THREAD;
	task->pid = st->pid;
	task->parent = r->process;
	task->ns = r->tree->task[r->process].ns;
	memcpy(task->comm, st->comm, COMM_LEN);
}

static int by_tid(const void *a, const void *b)
{
	const struct task *s = a, *t = b;

	return s->pid.nr[0] - t->pid.nr[0];
}

/* Parents before children, and those by number. */
static void record(struct tree *tree, const struct status *st, int parent)
{
	struct recorder r = { .tree = tree, .process = tree->num };
	struct task *task = tree_add(tree);
	int i;

	task->kind = st->state == 'Z' ? ZOMBIE : PROCESS;
	task->pid = st->pid;
	task->pgid = st->pgid;
	task->sid = st->sid;
	task->ns = ns_number(st->tgid);
	task->parent = parent;
	memcpy(task->comm, st->comm, COMM_LEN);

	each_thread(st->tgid, record_thread, &r);
	i = r.process + 1;
	qsort(tree->task + i, tree->num - i, sizeof(*task), by_tid);

	for (i = 0; i < num_processes; i++)
		if (process[i].in_tree && process[i].st.ppid == st->tgid)
			record(tree, &process[i].st, r.process);
}

/* A reader of FILE never sees half of it: it appears by rename(). */
static void write_file(const struct tree *tree, const char *path)
{
	char *temp;
	struct stat st;
	mode_t mask = umask(0);
	FILE *out;
	int fd;

	umask(mask);
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		/* A device or a pipe is written to, not replaced. */
		out = fopen(path, "w");
		if (!out)
			err(EXIT_FAILURE, "cannot open %s", path);
		tree_write(out, tree);
		if (fclose(out))
			err(EXIT_FAILURE, "cannot write %s", path);
		return;
	}
	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		err(EXIT_FAILURE, "%s", path);
	fd = mkstemp(temp);
	if (fd < 0)
		err(EXIT_FAILURE, "cannot create %s", temp);
	out = fdopen(fd, "w");
	if (!out)
		err(EXIT_FAILURE, "%s", temp);
	tree_write(out, tree);
	if (fflush(out) || fchmod(fd, 0666 & ~mask) || fsync(fd) || fclose(out) ||
	    rename(temp, path)) {
		int error = errno;

		unlink(temp);
		errno = error;
		err(EXIT_FAILURE, "cannot write %s", path);
	}
	free(temp);
}

/* The tree as text: "`-sh", with threads as "{name}". */
static void draw(FILE *out, const struct tree *tree, int i)
{
	const struct task *task = &tree->task[i];
	int depth = 0, up;

	for (up = task->parent; up >= 0; up = tree->task[up].parent)
		depth++;
	if (depth)
		fprintf(out, "%*s`-", 2 * (depth - 1), "");
	fprintf(out, task->kind == THREAD ? "{%s}" : "%s", printable(task->comm));
	if (task->kind == ZOMBIE)
		fputs(" (zombie)", out);
	fputc('\n', out);
}

static void show_table(const struct tree *tree)
{
	int width[3] = { strlen("PID"), strlen("GROUP"), strlen("SESSION") };
	const struct task *task;
	int i;

	for (i = 0; i < tree->num; i++) {
		int len;

		task = &tree->task[i];
		len = strlen(ids_text(&task->pid, '/'));
		width[0] = len > width[0] ? len : width[0];
		len = strlen(ids_text(&task->pgid, '/'));
		width[1] = len > width[1] ? len : width[1];
		len = strlen(ids_text(&task->sid, '/'));
		width[2] = len > width[2] ? len : width[2];
	}
	printf("%-*s  %-*s  %-*s  %s\n", width[0], "PID", width[1], "GROUP", width[2], "SESSION",
	       "NAME");
	for (i = 0; i < tree->num; i++) {
		task = &tree->task[i];
		printf("%-*s  %-*s  %-*s  ", width[0], ids_text(&task->pid, '/'),
		       width[1], ids_text(&task->pgid, '/'), width[2], ids_text(&task->sid, '/'));
		draw(stdout, tree, i);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help",	no_argument,		NULL, 'h' },
		{ "output",	required_argument,	NULL, 'o' },
		{ "table",	no_argument,		NULL, 't' },
		{ }
	};
	const char *output = NULL, *wrong;
	struct tree tree = {};
	bool table = false;
	struct ids pid;
	int c;

	while ((c = getopt_long(argc, argv, "ho:t", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'o':
			output = optarg;
			break;
		case 't':
			table = true;
			break;
		default:
			fputs("Try 'checkpoint --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	argv += optind;
	argc -= optind;

	if (table) {
		if (output || argc > 1)
			misused("-t shows one record, on standard output");
		tree_read(&tree, argc ? argv[0] : "-");
		show_table(&tree);
		close_stdout();
		return 0;
	}

	if (argc != 1)
		misused(argc ? "one PID only: its descendants come along" : "which PID?");
	wrong = ids_parse(&pid, argv[0]);
	if (wrong || pid.num != 1 || !pid.nr[0])
		misused("PID has to be one number, and not 0");

	need_own_proc();
	halt_tree(pid.nr[0]);
	record(&tree, &find_process(pid.nr[0])->st, -1);
	let_go();

	if (output) {
		write_file(&tree, output);
	} else {
		tree_write(stdout, &tree);
		close_stdout();
	}
	return 0;
}
