// SPDX-License-Identifier: GPL-2.0
/*
 * What with_pids, checkpoint and restart share; pidtree.h describes it.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/nsfs.h>

#include "pidtree.h"

/*
 * Like fork(), but the child gets these pids. The C library is not told: in the
 * child, raise() and pthread calls would use the parent's thread id.
 */
pid_t fork_with_pids(int flags, const struct ids *want)
{
	union {
		struct pid_set set;
		pid_t room[1 + MAX_LEVELS];
	} u;

	u.set.num_pids = want->num;
	memcpy(u.set.pids, want->nr, want->num * sizeof(want->nr[0]));
	return clone_with_pids(flags | SIGCHLD, NULL, NULL, NULL, 0, &u.set);
}

/*
 * 0, or why there is no clone_with_pids() here: ENOSYS, or what a seccomp filter
 * says. Where it exists, the call refuses so long a set before anything else.
 */
int call_error(void)
{
	struct pid_set too_long = { .num_pids = UINT_MAX };

	clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, &too_long);
	return errno == EINVAL ? 0 : errno;
}

/*
 * What the kernel says to @pid in entry @i of @num, and zero elsewhere. Only for
 * pids that nobody can have, so that there never is a child.
 */
int probe_pid(unsigned int num, unsigned int i, pid_t pid)
{
	struct ids ids = { .num = num };

	ids.nr[i] = pid;
	if (fork_with_pids(0, &ids) == 0)
		_exit(EXIT_FAILURE);
	return errno;
}

/*
 * May this process choose the pid of entry @i of @num, which are no more than
 * there are namespaces? If not of the youngest, it may not even call. Privilege
 * is judged before the range.
 */
bool may_choose(unsigned int num, unsigned int i)
{
	return probe_pid(num, i, -1) != EPERM;
}

/*
 * How many pids a full set has, where children are born @depth levels below this
 * process. Pid 1 of its own namespace is in use for as long as anybody lives
 * there: asking for it gives EBUSY or EPERM, but EINVAL when the set is too long,
 * to whoever has no privilege, too.
 */
unsigned int count_levels(unsigned int depth)
{
	unsigned int levels = MAX_LEVELS;

	while (levels > depth + 1 && probe_pid(levels, levels - 1 - depth, 1) == EINVAL)
		levels--;
	return levels;
}

/* Reads one number of @len characters. Returns NULL, or what is wrong with it. */
static const char *pid_parse(pid_t *pid, const char *text, size_t len)
{
	unsigned long nr;

	if (!len)
		return "is empty";
	if (*text == '-')
		return "is negative";
	if (strspn(text, "0123456789") != len)
		return "is not a decimal number";
	errno = 0;
	nr = strtoul(text, NULL, 10);
	if (errno || nr > INT_MAX)
		return "is too large for a pid";
	*pid = nr;
	return NULL;
}

/* Reads "0,99,177". Returns NULL, or what is wrong with it. */
const char *ids_parse(struct ids *ids, const char *text)
{
	static char error[128];
	unsigned int num = 1;
	const char *p;

	if (!*text)
		return "the list is empty";

	for (p = text; *p; p++)
		num += *p == ',';
	if (num > MAX_LEVELS) {
		snprintf(error, sizeof(error), "%u entries, but pid namespaces nest only %d deep",
			 num, MAX_LEVELS);
		return error;
	}

	for (ids->num = 0; ids->num < num; text++) {
		size_t len = strcspn(text, ",");
		const char *wrong = pid_parse(&ids->nr[ids->num++], text, len);

		if (wrong) {
			snprintf(error, sizeof(error), "entry %u, \"%.*s\", %s", ids->num,
				 len > 32 ? 32 : (int)len, text, wrong);
			return error;
		}
		text += len;
	}
	return NULL;
}

/* For printing: the text stays valid over the next seven calls. */
const char *ids_text(const struct ids *ids, char sep)
{
	static char text[8][MAX_LEVELS * 11 + 1];
	static int turn;
	char *p = text[turn = (turn + 1) % 8];
	unsigned int i;

	*p = '\0';
	for (i = 0; i < ids->num; i++) {
		if (i)
			*p++ = sep;
		p += sprintf(p, "%d", ids->nr[i]);
	}
	return text[turn];
}

/* The id in the youngest namespace. */
pid_t ids_last(const struct ids *ids)
{
	return ids->nr[ids->num - 1];
}

/* The first process of a pid namespace. */
bool is_init(const struct task *task)
{
	return task->kind <= ZOMBIE && ids_last(&task->pid) == 1;
}

long read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long nr;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &nr) != 1)
		nr = -1;
	fclose(f);
	return nr;
}

static void read_ids(struct ids *ids, const char *p)
{
	char *end;

	for (ids->num = 0; ids->num < MAX_LEVELS; ids->num++, p = end) {
		long nr = strtol(p, &end, 10);

		if (end == p)
			break;
		ids->nr[ids->num] = nr;
	}
}

/* @comm for a person: whoever gave a process its name may not drive a terminal. */
const char *printable(const char *comm)
{
	static char text[COMM_LEN];
	int i;

	for (i = 0; comm[i]; i++)
		text[i] = isprint((unsigned char)comm[i]) ? comm[i] : '?';
	text[i] = '\0';
	return text;
}

void close_stdout(void)
{
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write to standard output");
}

/*
 * Reads /proc/PID/task/TID, or another directory like it. Returns -1 when the
 * task is gone.
 *
 * A kernel without CONFIG_PID_NS has no lists of ids there; then there is one
 * level, and ordinary calls tell the same.
 */
int read_status(struct status *st, const char *dir)
{
	char path[64], line[512];
	pid_t tid = 0;
	size_t len;
	FILE *f;

	memset(st, 0, sizeof(*st));

	/* Not from status: there, a name is escaped. */
	snprintf(path, sizeof(path), "%s/comm", dir);
	f = fopen(path, "re");
	if (!f)
		return -1;
	len = fread(st->comm, 1, COMM_LEN, f);
	fclose(f);
	if (!len)
		return -1;
	st->comm[len - 1] = '\0';

	snprintf(path, sizeof(path), "%s/status", dir);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		char *value = strchr(line, '\t');

		if (!value)
			continue;
		if (!strncmp(line, "State:", 6))
			st->state = value[1];
		else if (!strncmp(line, "Tgid:", 5))
			st->tgid = atoi(value);
		else if (!strncmp(line, "Pid:", 4))
			tid = atoi(value);
		else if (!strncmp(line, "PPid:", 5))
			st->ppid = atoi(value);
		else if (!strncmp(line, "NSpid:", 6))
			read_ids(&st->pid, value);
		else if (!strncmp(line, "NSpgid:", 7))
			read_ids(&st->pgid, value);
		else if (!strncmp(line, "NSsid:", 6))
			read_ids(&st->sid, value);
		else if (!strncmp(line, "Kthread:", 8))
			st->kthread = atoi(value);
	}
	fclose(f);

	if (!st->pid.num) {
		st->pid.num = 1;
		st->pgid.num = 1;
		st->sid.num = 1;
		st->pid.nr[0] = tid;
		st->pgid.nr[0] = getpgid(tid);
		st->sid.nr[0] = getsid(tid);
	}
	return st->tgid ? 0 : -1;
}

static void each_status(const char *dir,
			void (*fn)(const struct status *st, void *arg), void *arg)
{
	char path[64];
	struct status st;
	struct dirent *d;
	DIR *proc = opendir(dir);

	if (!proc)
		return;
	while ((d = readdir(proc))) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/%.11s", dir, d->d_name);
		if (!read_status(&st, path))
			fn(&st, arg);
	}
	closedir(proc);
}

void each_process(void (*fn)(const struct status *st, void *arg), void *arg)
{
	each_status("/proc", fn, arg);
}

/* The first thread, which has the number of the process, is one of them. */
void each_thread(pid_t pid, void (*fn)(const struct status *st, void *arg), void *arg)
{
	char dir[32];

	snprintf(dir, sizeof(dir), "/proc/%d/task", pid);
	each_status(dir, fn, arg);
}

/* The numbers in another namespace's /proc mean nothing to kill() or ptrace(). */
void need_own_proc(void)
{
	char self[16] = "";

	if (readlink("/proc/self", self, sizeof(self) - 1) < 0 || atoi(self) != getpid())
		errx(EXIT_FAILURE, "/proc is not that of this pid namespace: mount it anew");
}

/* The inode number of the pid namespace @up steps older than that of @path, or 0. */
static unsigned long ns_ino(const char *path, unsigned int up)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned long ino = 0;
	struct stat st;

	while (fd >= 0 && up--) {
		int parent = ioctl(fd, NS_GET_PARENT);

		close(fd);
		fd = parent;
	}
	if (fd < 0)
		return 0;
	if (!fstat(fd, &st))
		ino = st.st_ino;
	close(fd);
	return ino;
}

/*
 * How many levels below its own namespace this process' children are born:
 * not 0 after unshare(CLONE_NEWPID) or setns(). @empty: nobody was, yet.
 */
unsigned int newborn_depth(bool *empty)
{
	unsigned long own = ns_ino("/proc/self/ns/pid", 0);
	unsigned int depth = 0;

	/* A namespace that has had no process yet cannot be opened. */
	*empty = own && !ns_ino("/proc/self/ns/pid_for_children", 0) && errno == ENOENT;
	if (*empty)
		return 1;
	while (depth < MAX_LEVELS && ns_ino("/proc/self/ns/pid_for_children", depth) != own)
		depth++;
	return depth < MAX_LEVELS ? depth : 0;
}

/* Finds the namespace @older steps up from the one that children are born in. */
void find_place(struct place *place, unsigned int older)
{
	struct status self;
	bool empty;
	unsigned int depth = newborn_depth(&empty);

	place->index = -1;
	place->ino = 0;
	if (read_status(&self, "/proc/thread-self"))
		return;
	place->index = (int)(self.pid.num - 1 + depth) - (int)older;
	if (older >= depth)
		place->ino = ns_ino("/proc/self/ns/pid", older - depth);
	else if (!empty)
		place->ino = ns_ino("/proc/self/ns/pid_for_children", older);
	/* Nobody may climb above his own namespace, but /proc may show it. */
	if (!place->ino && !place->index)
		place->ino = ns_ino("/proc/1/ns/pid", 0);
}

struct search {
	FILE *out;		/* the holders go here */
	const struct place *place;
	pid_t pid;
	bool found;
	int members;		/* of the group or session of that number */
	struct status member;
};

static bool in_place(const struct status *st, const struct place *place)
{
	char path[32];

	if (place->index < 0 || place->index >= (int)st->pid.num)
		return false;
	if (!place->index)
		return true;	/* all that /proc shows have an id there */
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", st->tgid);
	return place->ino && ns_ino(path, st->pid.num - 1 - place->index) == place->ino;
}

static void see_thread(const struct status *st, void *arg)
{
	struct search *search = arg;
	FILE *out = search->out;
	int i = search->place->index;

	if (i >= (int)st->pid.num || st->pid.nr[i] != search->pid)
		return;
	if (st->pid.nr[0] != st->tgid)
		fprintf(out, "    by a thread (%s) of process %d", printable(st->comm), st->tgid);
	else if (st->state == 'Z')
		fprintf(out, "    by a zombie (%s), until its parent, process %d, waits for it",
			printable(st->comm), st->ppid);
	else
		fprintf(out, "    by a process (%s, state %c)", printable(st->comm), st->state);
	if (i)
		fprintf(out, "; it is %d in this /proc", st->pid.nr[0]);
	fputc('\n', out);
	search->found = true;
}

static void see_process(const struct status *st, void *arg)
{
	struct search *search = arg;
	int i = search->place->index;

	if (!in_place(st, search->place))
		return;
	each_thread(st->tgid, see_thread, search);
	if (st->pgid.nr[i] == search->pid || st->sid.nr[i] == search->pid) {
		search->members++;
		search->member = *st;
	}
}

/*
 * Who holds @pid there: lines of text, to be freed, or NULL when nobody is seen
 * to hold it.
 */
char *pid_holders(pid_t pid, const struct place *place)
{
	struct search search = { .place = place, .pid = pid };
	int i = place->index;
	char *text = NULL;
	size_t len;

	search.out = open_memstream(&text, &len);
	if (!search.out)
		return NULL;
	each_process(see_process, &search);
	if (!search.found && search.members) {
		const char *what = "process group and session";

		if (search.member.pgid.nr[i] != pid)
			what = "session";
		else if (search.member.sid.nr[i] != pid)
			what = "process group";
		fprintf(search.out, "    by a %s whose leader has gone; still in it: %d (%s)",
			what, search.member.pid.nr[i],
			printable(search.member.comm));
		if (search.members > 1)
			fprintf(search.out, " and %d more", search.members - 1);
		fputc('\n', search.out);
	}
	fclose(search.out);
	if (len)
		return text;
	free(text);
	return NULL;
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
	char *p;		/* what is left of the line */
	struct tree *tree;
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

static struct task *find_pid(const struct tree *tree, pid_t pid)
{
	int i;

	for (i = 0; i < tree->num; i++)
		if (tree->task[i].pid.nr[0] == pid)
			return &tree->task[i];
	return NULL;
}

static int last_ns(const struct tree *tree)
{
	int i, ns = -1;

	for (i = 0; i < tree->num; i++)
		if (tree->task[i].ns > ns)
			ns = tree->task[i].ns;
	return ns;
}

static void read_process(struct reader *r, struct task *task)
{
	struct tree *tree = r->tree;
	const struct task *other, *parent = NULL;
	int parent_pid;

	keyword(r, "ns");
	task->ns = number(r, "ns");
	keyword(r, "parent");
	r->p += strspn(r->p, " \t");
	if (!tree->num) {
		keyword(r, "-");
	} else {
		parent_pid = number(r, "parent");
		parent = find_pid(tree, parent_pid);
		if (!parent || parent->kind == THREAD)
			damaged(r, "parent: no process %d on a line above", parent_pid);
		task->parent = parent - tree->task;
		if (task->pid.num < parent->pid.num)
			damaged(r, "a child cannot live in an older pid namespace than its parent");
		/* Unless it has threads that are not; they come next. */
		if (parent->kind == ZOMBIE &&
		    (task->parent + 1 == tree->num || parent[1].kind != THREAD))
			damaged(r, "parent: %d is a zombie, which has no children", parent_pid);
	}
	if (task->ns > last_ns(tree) + 1)
		damaged(r, "ns: the next new namespace is %d", last_ns(tree) + 1);
	if (parent && is_init(task) &&
	    (task->ns == parent->ns || task->pid.num != parent->pid.num + 1))
		damaged(r, "pid 1 must be the child of a process in the next older namespace");
	for (other = tree->task; other < tree->task + tree->num; other++)
		if (other->kind != THREAD && other->ns == task->ns &&
		    other->pid.num != task->pid.num)
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
	struct task *other, task = { .kind = kind, .parent = -1, .line = r->line };
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
	keyword(r, "comm");
	read_comm(r, task.comm);
	line_end(r);

	other = find_pid(tree, task.pid.nr[0]);
	if (other)
		damaged(r, "pid %d is on line %d already", task.pid.nr[0], other->line);
	for (i = 0; i < tree->num; i++)
		if (tree->task[i].ns == task.ns &&
		    ids_last(&tree->task[i].pid) == ids_last(&task.pid))
			damaged(r, "pid %d is in namespace %d on line %d already",
				ids_last(&task.pid), task.ns, tree->task[i].line);
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
			if (number(&r, "version") != PIDTREE_VERSION)
				damaged(&r, "this program knows version %d only", PIDTREE_VERSION);
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
	free(line);
	if (!from_stdin)
		fclose(in);
}
