/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What with_pids, checkpoint and restart share: the raw system call, ids as
 * they are seen from several pid namespaces, a reader of /proc, and the record
 * of a process tree.
 */
#ifndef PIDTREE_H
#define PIDTREE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/clone_with_pids.h>

#ifndef __NR_clone_with_pids
#define __NR_clone_with_pids 499	/* in both x86 tables */
#endif

#ifndef __noreturn
#define __noreturn	__attribute__((__noreturn__))
#endif
#ifndef __printf
#define __printf(a, b)	__attribute__((format(printf, a, b)))
#endif

#define MAX_LEVELS	33	/* pid namespaces nest that deep: MAX_PID_NS_LEVEL + 1 */
#define COMM_LEN	16	/* TASK_COMM_LEN */

/* Exit codes that all programs use alike; 1 is left to each of them. */
#define EXIT_USAGE	2
#define EXIT_BADFILE	3

/*
 * The id of a task, a process group or a session, as each pid namespace sees
 * it, from the oldest to the youngest. Zero: that namespace does not see it.
 */
struct ids {
	unsigned int num;
	pid_t nr[MAX_LEVELS];
};

/* call.c */
static inline long clone_with_pids(int flags, void *child_stack, int *parent_tid,
				   int *child_tid, unsigned long tls, struct pid_set *set)
{
	return syscall(__NR_clone_with_pids, flags, child_stack, parent_tid, child_tid, tls, set);
}

pid_t fork_with_pids(int flags, const struct ids *want);
int call_error(int flags);
int probe_pid(unsigned int num, unsigned int i, pid_t pid);
bool may_choose(unsigned int num, unsigned int i);
unsigned int count_levels(unsigned int depth);

/* ids.c */
const char *ids_parse(struct ids *ids, const char *text);
const char *ids_text(const struct ids *ids, char sep);
pid_t ids_last(const struct ids *ids);

/* map.c: from numbers to indices; empty when it is all zeros. */
struct map_entry {
	unsigned long long key;
	int value;
	bool used;
};

struct map {
	struct map_entry *entry;
	unsigned int size, num;
};

int map_find(const struct map *map, unsigned long long key);
void map_add(struct map *map, unsigned long long key, int value);
void map_clear(struct map *map);

/* proc.c: what /proc tells about one thread. */
struct status {
	pid_t tgid, ppid;
	struct ids pid, pgid, sid;
	char state;
	bool kthread;
	int threads;
	int seccomp;			/* its mode */
	char comm[COMM_LEN];
};

int read_status(struct status *st, const char *dir);
int read_stat(pid_t pid, unsigned long *flags, int *exit_code);
bool is_dead(const struct status *st);
const char *printable(const char *comm);
void each_process(void (*fn)(const struct status *st, void *arg), void *arg);
void each_thread(pid_t pid, void (*fn)(const struct status *st, void *arg), void *arg);
void need_own_proc(void);
long read_number(const char *path);
unsigned long ns_ino(const char *path, unsigned int up);
long new_pid_max(void);
unsigned int newborn_depth(bool *empty);

/* holders.c: where an entry of a set of pids applies, as far as it can be seen. */
struct place {
	int index;		/* of that namespace in /proc's lists of ids; < 0: not shown */
	unsigned long ino;	/* of that namespace, or 0 when it cannot be known */
};

void find_place(struct place *place, unsigned int older);
bool in_place(const struct status *st, const struct place *place);
char *pid_holders(pid_t pid, const struct place *place);
char *init_awaits(const struct status *init);

/*
 * record.c: the record of a process tree. The file is plain text, one task a line:
 *
 *	pidtree 2
 *	process IDS ns N parent PID|- group IDS session IDS [stopped] [subreaper] comm "NAME"
 *	zombie  IDS ns N parent PID|- group IDS session IDS [exit N | signal N] comm "NAME"
 *	thread  IDS comm "NAME"
 *	end COUNT
 *
 * IDS are decimal numbers with commas between, one for each pid namespace from
 * the one that the writer lived in to the task's own; 0 in a group or session
 * stands for one that is led from outside of that namespace. Namespaces are
 * numbered from 0 in the order in which they appear, because inode numbers
 * differ from run to run. A parent is named by the first of its ids, and comes
 * before its children, who are sorted by their first id; the first process is
 * the root, and its parent is "-". "stopped": by a signal, until SIGCONT.
 * "subreaper": orphans go there. A zombie has exited with status N, or a signal
 * has killed it; without either, it is not known. A thread belongs to the process
 * above it; a zombie that has threads is a process that has outlived its first
 * one. In NAME, a backslash, a double quote and anything unprintable is \ooo, in
 * octal. COUNT is the number of tasks: a file that was cut short does not end so.
 * Empty lines, and lines that begin with "#", are comments. Version 1 is the
 * same, but has nothing in brackets.
 *
 * The same tree always gives the same text, so that diff compares trees.
 */
#define PIDTREE_VERSION 2

enum task_kind { PROCESS, ZOMBIE, THREAD, HELPER };

struct task {
	enum task_kind kind;
	struct ids pid;
	struct ids pgid, sid;		/* not of a thread */
	int ns;				/* ordinal of its pid namespace */
	int parent;			/* index; a thread's is its process, the root's -1 */
	int line;			/* in the file, for messages */
	bool stopped, subreaper;
	int status;			/* of a zombie, as wait() tells it; -1: unknown */
	char comm[COMM_LEN];
};

struct tree {
	struct task *task;
	int num;
};

struct task *tree_add(struct tree *tree);
void tree_read(struct tree *tree, const char *path);
void tree_write(FILE *out, const struct tree *tree);
bool is_init(const struct task *task);
void close_stdout(void);

/* dot.c */
void draw_graph(FILE *out, const struct tree *tree);

#endif /* PIDTREE_H */
