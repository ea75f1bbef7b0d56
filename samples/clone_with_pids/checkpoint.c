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
 * A tree that lives changes while it is read. So it is halted first: halt.c.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "halt.h"

#define OTHERS_SHOWN	3

static const char usage[] =
"Usage: checkpoint [-s] [-o FILE] PID\n"
"       checkpoint -t [FILE]\n"
"       checkpoint -g [FILE]\n"
"\n"
"Write down the process PID and its descendants: their ids in every pid\n"
"namespace, parents, process groups, sessions, threads and names. The tree is\n"
"halted while it is read, and then goes on. restart recreates it.\n"
"\n"
"  -o, --output FILE  write to FILE, whole or not at all; default: standard output\n"
"  -s, --subreapers   ask each process whether it is a child subreaper, which /proc\n"
"                     does not tell: it is made to call prctl() once\n"
"  -t, --table        show a record (default: of standard input) as a table\n"
"  -g, --dot          write a record as a graph, for dot of graphviz\n"
"  -h, --help         show this\n"
"\n"
"What the tree can see of being halted: time passes, and system calls that wait with\n"
"a time-out may return EINTR without a signal, as after SIGSTOP and SIGCONT: those of\n"
"epoll, semaphores and signals, and of sockets that have time-outs. Waits for ever go\n"
"on. A process that is between vfork() and execve() goes on to its execve().\n"
"\n"
"Groups and sessions that are led from outside of the pid namespace that checkpoint\n"
"runs in are 0 in the record, and so cannot be told apart; seen from an older pid\n"
"namespace, they can.\n"
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

static bool is_subreaper(const struct status *st)
{
	int answer = may_be_asked(st->tgid) ? ask_subreaper(st->tgid, st->seccomp) : -1;

	if (answer < 0)
		warnx("cannot ask %d (%s) whether it is a subreaper: it %s", st->tgid,
		      printable(st->comm), was_stopped(st->tgid) ? "is stopped" :
		      st->seccomp ? "has a seccomp filter" : "is about to do something else");
	return answer == 1;
}

/* Parents before children, and those by number. */
static void record(struct tree *tree, const struct process *p, int parent, bool ask)
{
	struct recorder r = { .tree = tree, .process = tree->num };
	struct task *task = tree_add(tree);
	const struct status *st = &p->st;
	unsigned long flags;
	int i;

	task->kind = st->state == 'Z' ? ZOMBIE : PROCESS;
	task->pid = st->pid;
	task->pgid = st->pgid;
	task->sid = st->sid;
	task->ns = ns_number(st->tgid);
	task->parent = parent;
	memcpy(task->comm, st->comm, COMM_LEN);
	task->stopped = was_stopped(st->tgid);
	if (ask && task->kind == PROCESS)
		task->subreaper = is_subreaper(st);
	if (!is_dead(st) || read_stat(st->tgid, &flags, &task->status))
		task->status = -1;
	else	/* a core dump is not part of the tree */
		task->status &= ~WCOREFLAG;

	each_thread(st->tgid, record_thread, &r);
	i = r.process + 1;
	qsort(tree->task + i, tree->num - i, sizeof(*task), by_tid);

	for (p = p->child; p; p = p->sibling)
		record(tree, p, r.process, ask);
}

/*
 * A pid namespace whose first process is in the tree can have others that are
 * not: nsenter brings them there. They will not come back with it.
 */
static void name_others(const struct tree *tree)
{
	const struct process *p;
	int num = 0;

	for (p = process; p < process + num_processes; p++) {
		const struct task *task = tree->task;
		char path[32];
		unsigned long ino;

		if (p->in_tree || p->st.kthread || p->st.tgid == getpid())
			continue;
		for (; task < tree->task + tree->num; task++) {
			if (!is_init(task) || p->st.pid.num < task->pid.num)
				continue;
			snprintf(path, sizeof(path), "/proc/%d/ns/pid", task->pid.nr[0]);
			ino = ns_ino(path, 0);
			snprintf(path, sizeof(path), "/proc/%d/ns/pid", p->st.tgid);
			if (ino && ns_ino(path, p->st.pid.num - task->pid.num) == ino)
				break;
		}
		if (task == tree->task + tree->num)
			continue;
		if (++num > OTHERS_SHOWN)
			continue;
		warnx("%d (%s) lives in the pid namespace of %d, but is not in the tree",
		      p->st.tgid, printable(p->st.comm), task->pid.nr[0]);
	}
	if (num > OTHERS_SHOWN)
		warnx("and %d more processes are in there, but not in the tree", num - OTHERS_SHOWN);
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
	if (task->kind == ZOMBIE && task->status < 0)
		fputs(" (zombie)", out);
	else if (task->kind == ZOMBIE && WIFSIGNALED(task->status))
		fprintf(out, " (zombie, signal %d)", WTERMSIG(task->status));
	else if (task->kind == ZOMBIE)
		fprintf(out, " (zombie, exit %d)", WEXITSTATUS(task->status));
	if (task->stopped)
		fputs(" (stopped)", out);
	if (task->subreaper)
		fputs(" (subreaper)", out);
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
		{ "subreapers",	no_argument,		NULL, 's' },
		{ "dot",	no_argument,		NULL, 'g' },
		{ "table",	no_argument,		NULL, 't' },
		{ }
	};
	const char *output = NULL, *wrong;
	struct tree tree = {};
	bool ask = false, table = false, graph = false;
	struct ids pid;
	int c;

	while ((c = getopt_long(argc, argv, "gho:st", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'o':
			output = optarg;
			break;
		case 's':
			ask = true;
			break;
		case 't':
			table = true;
			break;
		case 'g':
			graph = true;
			break;
		default:
			fputs("Try 'checkpoint --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	argv += optind;
	argc -= optind;

	if (table || graph) {
		if (table && graph)
			misused("-t and -g do not go together");
		if (output || ask || argc > 1)
			misused("-t and -g show one record, on standard output");
		tree_read(&tree, argc ? argv[0] : "-");
		if (table)
			show_table(&tree);
		else
			draw_graph(stdout, &tree);
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
	record(&tree, find_process(pid.nr[0]), -1, ask);
	name_others(&tree);
	let_go();

	if (output) {
		write_file(&tree, output);
	} else {
		tree_write(stdout, &tree);
		close_stdout();
	}
	return 0;
}
