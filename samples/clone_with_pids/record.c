// SPDX-License-Identifier: GPL-2.0
/*
 * The record of a process tree: a text file, which pidtree.h describes.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "pidtree.h"

/* The first process of a pid namespace. */
bool is_init(const struct task *task)
{
	return task->kind <= ZOMBIE && ids_last(&task->pid) == 1;
}

void close_stdout(void)
{
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write to standard output");
}

struct task *tree_add(struct tree *tree)
{
	struct task *task;

	/* Doubles when full, at powers of two. */
	if (!(tree->num & (tree->num - 1))) {
		size_t room = tree->num ? 2 * tree->num : 1;

		tree->task = reallocarray(tree->task, room, sizeof(*task));
		if (!tree->task)
			err(EXIT_FAILURE, "%d tasks", tree->num);
	}
	task = memset(&tree->task[tree->num++], 0, sizeof(*task));
	task->parent = -1;
	return task;
}

void tree_write(FILE *out, const struct tree *tree)
{
	const struct task *task;

	fprintf(out, "pidtree %d\n", PIDTREE_VERSION);
	fputs("# A process tree, for restart to recreate. Ids run from the oldest pid namespace\n"
	      "# to the youngest; 0: of a leader outside. The format: pidtree.h.\n", out);
	for (task = tree->task; task < tree->task + tree->num; task++) {
		const char *p;

		if (task->kind == THREAD) {
			fprintf(out, "thread %s", ids_text(&task->pid, ','));
		} else {
			fprintf(out, "%s %s ns %d parent ",
				task->kind == ZOMBIE ? "zombie" : "process",
				ids_text(&task->pid, ','), task->ns);
			if (task->parent < 0)
				fputc('-', out);
			else
				fprintf(out, "%d", tree->task[task->parent].pid.nr[0]);
			fprintf(out, " group %s session %s",
				ids_text(&task->pgid, ','), ids_text(&task->sid, ','));
			if (task->stopped)
				fputs(" stopped", out);
			if (task->subreaper)
				fputs(" subreaper", out);
			if (task->kind == ZOMBIE && task->status >= 0)
				fprintf(out, WIFSIGNALED(task->status) ? " signal %d" : " exit %d",
					WIFSIGNALED(task->status) ? WTERMSIG(task->status) :
					WEXITSTATUS(task->status));
		}
		fputs(" comm \"", out);
		for (p = task->comm; *p; p++)
			fprintf(out, *p > ' ' - 1 && *p < 127 && *p != '"' && *p != '\\' ?
				"%c" : "\\%03o", (unsigned char)*p);
		fputs("\"\n", out);
	}
	fprintf(out, "end %d\n", tree->num);
}

/* Where the reader is, for its messages. */
struct reader {
	const char *name;
	int line;
	int version;
	char *p;		/* what is left of the line */
	struct tree *tree;
	struct map by_pid;	/* the first id -> index of the task */
	struct map by_last;	/* namespace and the last id -> index */
	struct map of_ns;	/* namespace -> index of its first process in the file */
};

static void __noreturn __printf(2, 3) damaged(const struct reader *r, const char *fmt, ...)
{
	char why[256], *p;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	/* It may quote the file. */
	for (p = why; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	fprintf(stderr, "%s: %s:%d: %s\n", program_invocation_short_name, r->name, r->line, why);
	exit(EXIT_BADFILE);
}

static char *word(struct reader *r, const char *what)
{
	char *start = r->p + strspn(r->p, " \t");

	if (!*start)
		damaged(r, "the line ends where %s should be", what);
	r->p = start + strcspn(start, " \t");
	if (*r->p)
		*r->p++ = '\0';
	return start;
}

static void keyword(struct reader *r, const char *key)
{
	const char *found = word(r, key);

	if (strcmp(found, key))
		damaged(r, "\"%s\" where \"%s\" should be", found, key);
}

/* Goes over the next word, if it is this one. */
static bool optional(struct reader *r, const char *key)
{
	size_t len = strlen(key);

	r->p += strspn(r->p, " \t");
	if (strncmp(r->p, key, len) || (r->p[len] && !strchr(" \t", r->p[len])))
		return false;
	if (r->version < 2)
		damaged(r, "\"%s\" is not in records of version %d", key, r->version);
	r->p += len;
	return true;
}

static void line_end(struct reader *r)
{
	r->p += strspn(r->p, " \t");
	if (*r->p)
		damaged(r, "\"%s\" after the end of the entry", r->p);
}

static int number(struct reader *r, const char *what)
{
	const char *text = word(r, what);
	struct ids ids;
	const char *wrong = ids_parse(&ids, text);

	if (wrong || ids.num != 1)
		damaged(r, "%s: \"%s\", but one decimal should be there", what, text);
	return ids.nr[0];
}

static int number_within(struct reader *r, const char *what, int min, int max)
{
	int nr = number(r, what);

	if (nr < min || nr > max)
		damaged(r, "%s: %d is not within %d and %d", what, nr, min, max);
	return nr;
}

/* Does that signal, unless it is caught, end a process? */
static bool is_deadly(int sig)
{
	static const int harmless[] = {
		SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH,
	};
	unsigned int i;

	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (sig == harmless[i])
			return false;
	return true;
}

/* Pids have no zeros; groups and sessions may, where a leader is outside. */
static void read_list(struct reader *r, struct ids *ids, const char *what, unsigned int num)
{
	const char *wrong = ids_parse(ids, word(r, what));
	unsigned int i;

	if (wrong)
		damaged(r, "%s: %s", what, wrong);
	if (num && ids->num != num)
		damaged(r, "%s: %u ids, but the process has %u", what, ids->num, num);
	for (i = 0; i < ids->num; i++) {
		if (!num && !ids->nr[i])
			damaged(r, "%s: nobody has pid 0", what);
		if (i && ids->nr[i] && !ids->nr[i - 1])
			damaged(r, "%s: an id in a namespace, but none in an older one", what);
	}
}

static void read_comm(struct reader *r, char *comm)
{
	char *p = r->p + strspn(r->p, " \t");
	int len = 0;

	if (*p++ != '"')
		damaged(r, "comm: a name in double quotes should be here");
	for (; *p != '"'; p++) {
		unsigned char c = *p;

		if (c < ' ' || c >= 127)
			damaged(r, "comm: the name has no end, or a character that needs \\ooo");
		if (c == '\\') {
			char *end, octal[4] = "";

			memcpy(octal, p + 1, strnlen(p + 1, 3));
			c = strtoul(octal, &end, 8);
			if (end != octal + 3 || strspn(octal, "01234567") != 3 ||
			    octal[0] > '3' || !c)
				damaged(r, "comm: after a backslash go three octal digits, 001 to 377");
			p += 3;
		}
		if (len == COMM_LEN - 1)
			damaged(r, "comm: a name has at most %d characters", COMM_LEN - 1);
		comm[len++] = c;
	}
	r->p = p + 1;
}

static void read_process(struct reader *r, struct task *task)
{
	struct tree *tree = r->tree;
	const struct task *other, *parent = NULL;
	int parent_pid, i;

	keyword(r, "ns");
	task->ns = number(r, "ns");
	keyword(r, "parent");
	r->p += strspn(r->p, " \t");
	if (!tree->num) {
		keyword(r, "-");
	} else {
		parent_pid = number(r, "parent");
		task->parent = map_find(&r->by_pid, parent_pid);
		parent = task->parent < 0 ? NULL : &tree->task[task->parent];
		if (!parent || parent->kind == THREAD)
			damaged(r, "parent: no process %d on a line above", parent_pid);
		if (task->pid.num < parent->pid.num)
			damaged(r, "a child cannot live in an older pid namespace than its parent");
		/* Unless it has threads that are not; they come next. */
		if (parent->kind == ZOMBIE &&
		    (task->parent + 1 == tree->num || parent[1].kind != THREAD))
			damaged(r, "parent: %d is a zombie, which has no children", parent_pid);
	}
	if (task->ns > (int)r->of_ns.num)
		damaged(r, "ns: the next new namespace is %u", r->of_ns.num);
	if (parent && is_init(task) &&
	    (task->ns == parent->ns || task->pid.num != parent->pid.num + 1))
		damaged(r, "pid 1 must be the child of a process in the next older namespace");
	i = map_find(&r->of_ns, task->ns);
	other = &tree->task[i];
	if (i >= 0 && other->pid.num != task->pid.num)
		damaged(r, "ns: the process on line %d lives in namespace %d too, %u deep",
			other->line, task->ns, other->pid.num);
	keyword(r, "group");
	read_list(r, &task->pgid, "group", task->pid.num);
	keyword(r, "session");
	read_list(r, &task->sid, "session", task->pid.num);
}

static void read_task(struct reader *r, enum task_kind kind)
{
	struct tree *tree = r->tree;
	struct task task = { .kind = kind, .parent = -1, .line = r->line };
	unsigned long long last;
	int i;

	read_list(r, &task.pid, "pids", 0);
	if (kind == THREAD) {
		if (!tree->num)
			damaged(r, "a thread before any process");
		i = tree->num - 1;
		while (tree->task[i].kind == THREAD)
			i--;
		task.parent = i;
		task.ns = tree->task[i].ns;
		if (task.pid.num != tree->task[i].pid.num)
			damaged(r, "pids: %u ids, but its process has %u",
				task.pid.num, tree->task[i].pid.num);
	} else {
		read_process(r, &task);
	}
	if (kind == PROCESS) {
		task.stopped = optional(r, "stopped");
		task.subreaper = optional(r, "subreaper");
	} else if (kind == ZOMBIE) {
		task.status = -1;
		if (optional(r, "exit"))
			task.status = number_within(r, "exit", 0, 255) << 8;
		else if (optional(r, "signal"))
			task.status = number_within(r, "signal", 1, 64);
		if (task.status > 0 && WIFSIGNALED(task.status) &&
		    !is_deadly(WTERMSIG(task.status)))
			damaged(r, "signal: %d kills nobody", WTERMSIG(task.status));
	}
	keyword(r, "comm");
	read_comm(r, task.comm);
	line_end(r);

	last = ((unsigned long long)task.ns << 32) | ids_last(&task.pid);
	i = map_find(&r->by_pid, task.pid.nr[0]);
	if (i >= 0)
		damaged(r, "pid %d is on line %d already", task.pid.nr[0], tree->task[i].line);
	i = map_find(&r->by_last, last);
	if (i >= 0)
		damaged(r, "pid %d is in namespace %d on line %d already",
			ids_last(&task.pid), task.ns, tree->task[i].line);
	map_add(&r->by_pid, task.pid.nr[0], tree->num);
	map_add(&r->by_last, last, tree->num);
	map_add(&r->of_ns, task.ns, tree->num);
	*tree_add(tree) = task;
}

/* Reads a record, or says in which line what is wrong with it, and exits. */
void tree_read(struct tree *tree, const char *path)
{
	bool from_stdin = !strcmp(path, "-");
	struct reader r = { .name = from_stdin ? "stdin" : path, .tree = tree };
	FILE *in = from_stdin ? stdin : fopen(path, "re");
	bool header = false, end = false;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	memset(tree, 0, sizeof(*tree));
	if (!in)
		err(EXIT_BADFILE, "%s", path);

	while ((len = getline(&line, &room, in)) > 0) {
		const char *what;

		r.line++;
		if (strlen(line) != (size_t)len)
			damaged(&r, "a NUL byte: this is not a record of a process tree");
		line[strcspn(line, "\n")] = '\0';
		r.p = line + strspn(line, " \t");
		if (!*r.p || *r.p == '#')
			continue;
		what = word(&r, "an entry");
		if (!header) {
			if (strcmp(what, "pidtree"))
				damaged(&r, "not a record: it has to begin with \"pidtree %d\"",
					PIDTREE_VERSION);
			r.version = number(&r, "version");
			if (r.version < 1 || r.version > PIDTREE_VERSION)
				damaged(&r, "version %d: this program knows those from 1 to %d",
					r.version, PIDTREE_VERSION);
			line_end(&r);
			header = true;
		} else if (end) {
			damaged(&r, "\"%s\" after the end of the record", what);
		} else if (!strcmp(what, "process")) {
			read_task(&r, PROCESS);
		} else if (!strcmp(what, "zombie")) {
			read_task(&r, ZOMBIE);
		} else if (!strcmp(what, "thread")) {
			read_task(&r, THREAD);
		} else if (!strcmp(what, "end")) {
			int num = number(&r, "end");

			line_end(&r);
			if (num != tree->num)
				damaged(&r, "there should be %d tasks, but there are %d",
					num, tree->num);
			if (!num)
				damaged(&r, "the record is empty");
			end = true;
		} else {
			damaged(&r, "\"%s\", but process, zombie, thread or end should be there",
				what);
		}
	}
	if (ferror(in))
		err(EXIT_BADFILE, "%s", r.name);
	if (!header || !end) {
		r.line++;
		damaged(&r, "the file ends before the record does: take it again");
	}
	map_clear(&r.by_pid);
	map_clear(&r.by_last);
	map_clear(&r.of_ns);
	free(line);
	if (!from_stdin)
		fclose(in);
}
