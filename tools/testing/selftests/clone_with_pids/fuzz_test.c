// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of operations: pid namespaces come and go, 33 levels deep at
 * times, and callers in them ask for children with pid sets of all kinds, next
 * to all else that holds pids, changes privilege or moves allocation cursors.
 * Each result, and all pids of each child, must be what the model in
 * fuzz_model.h foretells.
 *
 *   level 0     level 1, 2, ...
 *   driver  --> task 0 --> tasks
 *
 * The tasks do what the driver tells them, one at a time and on one CPU, so
 * that nothing is left to chance. Task 0 and what comes of it is a world, and
 * there is a new one every few hundred calls. When model and kernel disagree,
 * it is tried again in fresh worlds with ever fewer operations. What remains is
 * printed, to be run again, or edited:
 *
 *   fuzz_test -r 'p0 call p1 newpid [0,99]; p1 fork p2 reaped'
 *
 * A namespace without an init is entered by who gets a descriptor for it: the
 * one that children of p1 are born in, or one that p1 has opened before.
 *
 *   fuzz_test -r 'p0 fork p1; p1 unshare newpid; p0 open p1 children;
 *                 p1 exit; p0 setns p0 opened; p0 fork p2'
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../kselftest.h"
#include "call.h"
#include "fuzz_model.h"
#include "namespaces.h"
#include "privilege.h"
#include "proc.h"
#include "util.h"

#define CALLS		6000	/* for each of two seeds, where none is given */
#define WORLD_CALLS	500
#define MAX_OPS		3000	/* in a world */
#define BATCH		16	/* calls that a task makes in one go */
#define PATIENCE	10	/* seconds: an operation that takes more hangs */
#define LESS_PATIENCE	2	/* once that has been seen */
#define SHRINK_SECONDS	30
#define POOL		20000	/* pids to ask for at level 0: from here on */
#define PF_EXITING	0x4

static_assert(MAX_OPS < MAX_TASKS, "each operation can have a task");

/* What the driver and a task share */

enum order {
	MAKE_CALLS, EXIT_PROCESS, EXIT_THREAD, WAIT_FOR, UNSHARE_FLAGS,
	SET_NS, KEEP_CAPS, NEW_SESSION, NEW_GROUP, WRITE_LAST_PID,
	READ_LAST_PID,
};

struct call {
	struct op op;
	struct place *child;
	long rc;
	int pidfd;
};

struct place {
	struct clone_stack stack;
	bool taken;
	int go, up;		/* eventfds: there is an order; the task lives */

	enum order order;
	long arg, rc;
	struct call call[BATCH];
	int nr_calls;

	/* The task tells what it is called at each level. */
	unsigned int how;
	int levels;
	int fd[MAX_LEVELS], nr[MAX_LEVELS];
	int pid_max;		/* what an init writes to that of its namespace */
	int pid_max_fd;		/* by this descriptor */
};

static struct place *places;	/* MAX_HERE of them */
static __s32 *guard;		/* nothing can be read from here on */
static int patience = PATIENCE;
static int done, outside;	/* eventfd: an order is done; level 0's namespace */

/*
 * The tasks. They share their memory, errno too, which does no harm: no system
 * call fails while another task is on its way back to wait for orders.
 */

static long or_errno(long rc)
{
	return rc < 0 ? -errno : rc;
}

static void post(int fd)
{
	const __u64 one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		_exit(KSFT_FAIL);
}

static bool await(int fd)
{
	__u64 count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static unsigned long clone_flags(const struct op *op)
{
	static const struct {
		enum how how;
		unsigned long flags;
	} map[] = {
		{ THREAD, CLONE_THREAD | CLONE_SIGHAND },
		{ LONE_THREAD, CLONE_THREAD },
		{ PARENT, CLONE_PARENT },
		{ NEWPID, CLONE_NEWPID },
		{ NEWUSER, CLONE_NEWUSER },
		{ PIDFD, CLONE_PIDFD },
		{ BAD_PIDFD, CLONE_PIDFD },
		{ NO_FD, CLONE_PIDFD },
#ifdef __LP64__
		/* Only clone3() knows these. */
		{ WIDE, CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP | 1UL << 63 },
#endif
	};
	unsigned long flags = CLONE_FILES | CLONE_VM;
	int i;

	/* as fork(), whose child has a memory of its own */
	if (op->what == FORK && !(op->how & THREAD))
		flags &= ~CLONE_VM;
	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (op->how & map[i].how)
			flags |= map[i].flags;
	return flags;
}

/* Behind what is to be read of the set, there is nothing. */
static void *lay_out_set(const struct op *op, bool with_num)
{
	__s32 *p = guard;
	int i;

	for (i = op->readable - 1; i >= 0; i--)
		*--p = op->entry[i].nr;
	if (with_num && op->readable >= 0)
		*--p = op->num;
	return p;
}

static long make_child(struct call *call, int (*fn)(struct start *))
{
	const struct op *op = &call->op;
	struct clone_stack *stack = &call->child->stack;
	int exit_signal = op->how & (QUIET | THREAD | PARENT) ? 0 : SIGCHLD;
	void *pidfd = op->how & BAD_PIDFD ? (void *)1 : &call->pidfd;
	struct clone_args args3 = {
		.flags = clone_flags(op),
		.pidfd = (unsigned long)pidfd,
		.exit_signal = exit_signal,
		.stack = (unsigned long)stack,
		.stack_size = offsetof(struct clone_stack, top),
		.set_tid_size = op->num,
	};
	unsigned long args[6] = {
		args3.flags | exit_signal, (unsigned long)&stack->top,
		(unsigned long)pidfd,
	};

	if (op->what == CALL)
		return clone_on_stack(args[0], stack, pidfd, NULL, 0,
				      op->null ? NULL : lay_out_set(op, true),
				      fn, call->child);

	stack->top = (struct start){ .fn = fn, .arg = call->child };
	if (op->what == FORK)
		return raw_clone(__NR_clone, args);
	if (op->num)
		args3.set_tid = (unsigned long)lay_out_set(op, false);
	args[0] = (unsigned long)&args3;
	args[1] = sizeof(args3);
	return raw_clone(__NR_clone3, args);
}

/* Let the next calls fail, by limits that leave files and tasks as they are. */
static void limit(const struct op *op, bool on)
{
	struct rlimit lim;

	if (op->how & NO_FD) {
		getrlimit(RLIMIT_NOFILE, &lim);
		lim.rlim_cur = on ? 0 : lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	if (op->how & CGROUP_FULL)
		write_str(CGROUP "pids.max", on ? "0" : "max");
}

/* Waits for a child that exits at once; one without an exit signal is a clone. */
static long wait_for(struct call *call)
{
	bool by_fd = call->op.how & PIDFD;
	int options = WEXITED | (call->op.how & QUIET ? __WCLONE : 0);
	siginfo_t info;

	if (call->op.how & ZOMBIE)
		options |= WNOWAIT;
	return or_errno(waitid(by_fd ? P_PIDFD : P_PID,
			       by_fd ? call->pidfd : call->rc, &info, options));
}

/* On newer kernels each namespace has its own, and only members can open it. */
static int write_pid_max(int fd, int pid_max)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", pid_max);

	return pwrite(fd, text, len, 0) == len ? 0 : -errno;
}

static int live(struct start *sp);

/* One after the other, up to the first that makes a child. */
static void make_calls(struct place *me)
{
	struct call *call;
	bool exits;
	long rc = 0;

	for (call = me->call; call < me->call + me->nr_calls; call++) {
		exits = call->op.how & (ZOMBIE | REAPED);
		call->child->how = call->op.how;
		call->pidfd = -1;
		limit(&call->op, true);
		call->rc = make_child(call, live);
		limit(&call->op, false);
		if (call->rc < 0)
			continue;
		if (!exits || (call->op.how & THREAD))
			await(call->child->up);
		else
			rc = wait_for(call);
		if ((call->op.how & PIDFD) && close(call->pidfd))
			rc = -errno;
		if (rc < 0)
			call->rc = rc;
		return;
	}
}

/* or there can be no user namespace below this one */
static void map_root(void)
{
	write_str("/proc/thread-self/uid_map", "0 0 1");
	write_str("/proc/thread-self/setgroups", "deny");
	write_str("/proc/thread-self/gid_map", "0 0 1");
}

static long read_last_pid(long *nr)
{
	char buf[16] = "";
	int fd = open(NS_LAST_PID, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		return -errno;
	close(fd);
	*nr = atoi(buf);
	return 0;
}

static long obey(struct place *me)
{
	static const __u64 caps[] = {
		[CAPS_NONE] = 0,
		[CAPS_ADMIN] = CAP_BIT(CAP_SYS_ADMIN),
		[CAPS_RESTORE] = CAP_BIT(CAP_CHECKPOINT_RESTORE),
		[CAPS_ALL] = ~0ULL,
	};
	long rc;

	switch (me->order) {
	case MAKE_CALLS:
		make_calls(me);
		return 0;
	case EXIT_PROCESS:
		_exit(0);
	case EXIT_THREAD:
		return syscall(SYS_exit, 0);
	case WAIT_FOR:
		return or_errno(waitpid(me->arg, NULL, __WALL));
	case UNSHARE_FLAGS:
		rc = or_errno(unshare(me->arg));
		if (!rc && me->arg == CLONE_NEWUSER)
			map_root();
		return rc;
	case SET_NS:
		return or_errno(setns(me->arg, CLONE_NEWPID));
	case KEEP_CAPS:
		keep_caps(caps[me->arg]);
		return 0;
	case NEW_SESSION:
		return or_errno(setsid());
	case NEW_GROUP:
		return or_errno(setpgid(0, 0));
	case WRITE_LAST_PID:
		return write_int(NS_LAST_PID, me->arg);
	case READ_LAST_PID:
		return read_last_pid(&me->arg);
	}
	return -ENOSYS;
}

static int live(struct start *sp)
{
	struct place *me = sp->arg;
	bool exits = me->how & (ZOMBIE | REAPED);
	int i, tid = syscall(SYS_gettid);

	for (i = 0; i < me->levels; i++)
		me->nr[i] = me->fd[i] < 0 ? tid :
			or_errno(ioctl(me->fd[i], NS_GET_PID_IN_PIDNS, tid));
	if (me->how & NEWUSER)
		map_root();
	if (tid == 1) {
		me->pid_max_fd = open(PID_MAX, O_RDWR | O_CLOEXEC);
		write_pid_max(me->pid_max_fd, me->pid_max);
	}
	if (!exits || (me->how & THREAD))
		post(me->up);
	while (!exits && await(me->go)) {
		me->rc = obey(me);
		post(done);
	}
	return 0;
}

static int live_as_task_0(struct start *sp)
{
	sigset_t all;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	write_str(CGROUP "cgroup.procs", "0");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return live(sp);
}

/* Operations as text */

static const char *const whats[] = {
	[CALL] = "call", [CLONE3] = "clone3", [FORK] = "fork",
	[EXIT] = "exit", [LEAVE] = "leave", [REAP] = "reap",
	[UNSHARE] = "unshare", [SETNS] = "setns", [OPEN] = "open",
	[CAPS] = "caps", [SETSID] = "setsid", [SETPGID] = "setpgid", [LAST_PID] = "last_pid",
	[PID_MAX_IS] = "pid_max", [CHECK] = "check",
};

static const struct {
	unsigned int how;
	const char *text;
} hows[] = {
	{ THREAD, "thread" }, { LONE_THREAD, "lone_thread" },
	{ PARENT, "parent" }, { NEWPID, "newpid" }, { NEWUSER, "newuser" },
	{ PIDFD, "pidfd" }, { BAD_PIDFD, "bad_pidfd" }, { QUIET, "quiet" },
	{ WIDE, "wide" },
	{ ZOMBIE, "zombie" }, { REAPED, "reaped" },
	{ NO_FD, "no_fd" }, { CGROUP_FULL, "cgroup_full" },
	{ CHILDREN, "children" }, { OPENED, "opened" },
};

static const char *const caps_names[] = {
	[CAPS_NONE] = "none", [CAPS_ADMIN] = "admin",
	[CAPS_RESTORE] = "restore", [CAPS_ALL] = "all",
};

/* [1,2,p3]: the pids; [1,2]!1: only 1 can be read; []*99: there are 99. */
static void print_set(FILE *f, const struct op *op)
{
	int i, nr = op->num > MAX_ENTRIES ? 0 : op->num;

	if (op->null) {
		fputs(" null", f);
		return;
	}
	fputs(" [", f);
	for (i = 0; i < nr; i++)
		fprintf(f, "%s%s%d", i ? "," : "",
			op->entry[i].is_task ? "p" : "", op->entry[i].nr);
	fputc(']', f);
	if (nr != op->num)
		fprintf(f, "*%u", op->num);
	if (op->readable != nr)
		fprintf(f, "!%d", op->readable);
}

static void print_op(FILE *f, const struct op *op)
{
	int i;

	if (op->what < PID_MAX_IS)
		fprintf(f, "p%d ", op->who);
	fputs(whats[op->what], f);
	if (makes_child(op) || op->what == REAP || op->what == SETNS ||
	    op->what == OPEN)
		fprintf(f, " p%d", op->other);
	for (i = 0; i < ARRAY_SIZE(hows); i++)
		if (op->how & hows[i].how)
			fprintf(f, " %s", hows[i].text);
	if (op->what == CAPS)
		fprintf(f, " %s", caps_names[op->value]);
	if (op->what == LAST_PID || op->what == PID_MAX_IS)
		fprintf(f, " %d", op->value);
	if (op->what == CALL || op->what == CLONE3)
		print_set(f, op);
}

static const char *text_of(const struct op *op)
{
	static char text[1024];
	FILE *f = fmemopen(text, sizeof(text), "w");

	print_op(f, op);
	fclose(f);
	return text;
}

static bool parse_set(char *p, struct op *op)
{
	struct entry *e;

	if (*p != '[')
		return false;
	op->null = false;
	for (p++; *p != ']'; op->num++) {
		if (op->num == MAX_ENTRIES)
			return false;
		e = &op->entry[op->num];
		e->is_task = *p == 'p';
		e->nr = strtol(p + e->is_task, &p, 10);
		if (*p == ',')
			p++;
		else if (*p != ']')
			return false;
	}
	op->readable = op->num;
	if (*++p == '*')
		op->num = strtoul(p + 1, &p, 10);
	if (*p == '!')
		op->readable = strtol(p + 1, &p, 10);
	return !*p && op->readable >= -1 && op->readable <= MAX_ENTRIES;
}

static bool parse_word(char *word, struct op *op)
{
	int i;

	if (word[0] == 'p' && isdigit(word[1])) {
		op->other = atoi(word + 1);
		return op->other < MAX_TASKS;
	}
	if (isdigit(word[0]) || word[0] == '-') {
		op->value = atoi(word);
		return op->what != PID_MAX_IS ||
		       (op->value > RESERVED && op->value <= PID_LIMIT);
	}
	for (i = 0; i < ARRAY_SIZE(hows); i++) {
		if (!strcmp(word, hows[i].text)) {
			op->how |= hows[i].how;
			return true;
		}
	}
	for (i = 0; i < ARRAY_SIZE(caps_names); i++) {
		if (caps_names[i] && !strcmp(word, caps_names[i])) {
			op->value = i;
			return true;
		}
	}
	return !strcmp(word, "null") || parse_set(word, op);
}

static bool parse_op(char *text, struct op *op)
{
	char *word = strtok(text, " \t");

	*op = (struct op){ .null = true };
	if (word[0] == 'p' && isdigit(word[1])) {
		op->who = atoi(word + 1);
		word = strtok(NULL, " \t");
	}
	while (word && strcmp(word, whats[op->what]))
		if (++op->what == ARRAY_SIZE(whats))
			return false;
	if (!word || op->who >= MAX_TASKS)
		return false;
	while ((word = strtok(NULL, " \t")))
		if (!parse_word(word, op))
			return false;
	return true;
}

/* What becomes of an operation, in the model and in the kernel */

static struct stats {
	unsigned long calls, ops, others;
	unsigned long ends[NR_WHY];
} stats;

static bool verbose;

static atomic_bool hung;
static char disagreement[4096];

static void on_alarm(int sig)
{
	hung = true;
}

static const char *rc_text(long rc)
{
	static char text[2][32];
	static int i;

	i = !i;
	if (rc < 0)
		return strerrorname_np(-rc) ?: "an unknown errno";
	snprintf(text[i], sizeof(text[i]), "%ld", rc);
	return text[i];
}

static bool __attribute__((format(printf, 2, 3)))
disagree(const struct op *op, const char *fmt, ...)
{
	FILE *f = fmemopen(disagreement, sizeof(disagreement), "w");
	va_list args;

	print_op(f, op);
	fputs(": ", f);
	va_start(args, fmt);
	vfprintf(f, fmt, args);
	va_end(args);
	fclose(f);
	return false;
}

static int id_of(const struct task *t)
{
	return t - world.task;
}

static bool no_answer(const struct op *op)
{
	return disagree(op, "no answer");
}

static bool used_outside(int nr)
{
	return !kill(nr, 0);
}

static struct place *take_place(void)
{
	struct place *place = places;

	while (place->taken)
		place++;
	place->taken = true;
	return place;
}

/* The child's part of a place, before it is there */
static void furnish(struct place *place, struct task *t)
{
	struct ns *ns;

	place->levels = t->pids.ns->level + 1;
	place->pid_max = world.pid_max;
	for (ns = t->pids.ns; ns; ns = ns->parent)
		place->fd[ns->level] = ns->fd;
}

static int write_each_pid_max(int pid_max)
{
	int rc = write_int(PID_MAX, pid_max);
	struct ns *ns;

	for (ns = world.ns + 1; !rc && ns < world.ns + MAX_NS; ns++)
		if (ns->state != NS_NONE && ns->pid_max_fd >= 0)
			rc = write_pid_max(ns->pid_max_fd, pid_max);
	return rc;
}

/* The child may be an init that is gone, with its namespace. */
static void keep_pid_max_fd(struct task *child, struct place *place)
{
	struct ns *ns = child->pids.ns;

	if (child->pids.nr[ns->level] != 1 || ns->pid_max_fd >= 0)
		return;
	if (ns->state == NS_NONE)
		close(place->pid_max_fd);
	else
		ns->pid_max_fd = place->pid_max_fd;
}

static void open_ns(struct task *init)
{
	struct ns *ns = init->pids.ns;
	char path[32];

	if (ns->fd >= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", init->pids.nr[0]);
	ns->fd = open(path, O_RDONLY | O_CLOEXEC);
}

/* The namespace that an operation is about: one without an init has no name. */
static int fd_of(const struct op *op, struct ns *ns)
{
	int fd;

	if (op->how & CHILDREN) {
		fd = ns_for_children(world.task[op->other].pids.nr[0]);
		if (ns->fd < 0)
			ns->fd = fd;
		else
			close(fd);
	}
	return ns->fd;
}

/* Is it dead, for all others to see, or an init waiting for its last ones? */
static bool has_died(struct task *t)
{
	char path[32], buf[512], state, *p;
	unsigned int flags;
	int fd, len;

	snprintf(path, sizeof(path), "/proc/%d/stat", t->pids.nr[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[len > 0 ? len : 0] = '\0';
	p = strrchr(buf, ')');
	if (!p || sscanf(p, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return false;
	if (!t->waits)
		return state == 'Z';
	return (state == 'S' || state == 'I') && (flags & PF_EXITING);
}

static void give_up_place(struct task *t)
{
	if (t->place)
		t->place->taken = false;
	t->place = NULL;
}

/* The model is ahead: wait until those have died that died there. */
static bool see_the_dead(const struct op *op)
{
	struct task *t;
	int i;

	for (i = 0; i < world.nr_gone; i++) {
		t = world.gone[i];
		while (!hung && !kill(t->pids.nr[0], 0))
			sched_yield();
		if (hung)
			return disagree(op, "p%d should be gone, and is not",
					id_of(t));
		give_up_place(t);
	}
	for (i = 0; i < world.nr_died; i++) {
		t = world.died[i];
		while (!hung && t->here && !has_died(t))
			sched_yield();
		if (hung)
			return disagree(op, "p%d should be dead, and is not",
					id_of(t));
		give_up_place(t);
	}
	world.nr_gone = 0;
	world.nr_died = 0;
	return true;
}

static bool obeyed(const struct task *t, enum order what, long arg)
{
	struct place *place = t->place;

	place->order = what;
	place->arg = arg;
	post(place->go);
	return await(done);
}

static bool same_rc(const struct op *op, long model, long kernel)
{
	if (model == kernel)
		return true;
	return disagree(op, "the model says %s, the kernel %s", rc_text(model),
			rc_text(kernel));
}

/* Calls that a task is to make. Only the last can make a child. */
static struct {
	int nr, who;
	struct op op[BATCH];
	int rc[BATCH];
	enum why why[BATCH];
} batch;

static bool see_child(const struct op *op, struct place *place)
{
	struct task *child = &world.task[op->other];
	int i;

	if (!learn(child, place->nr[0]))
		return disagree(op, "at level 0 it is %s", rc_text(place->nr[0]));
	for (i = 0; i < place->levels; i++)
		if (place->nr[i] != child->pids.nr[i])
			return disagree(op, "at level %d the model says %d, the kernel %s",
					i, child->pids.nr[i], rc_text(place->nr[i]));
	keep_pid_max_fd(child, place);
	if (op->how & (ZOMBIE | REAPED)) {
		bury(op);
		/* who has been waited for */
		if (!(op->how & THREAD)) {
			world.nr_gone = 0;
			world.nr_died = 0;
			child->place = NULL;
			place->taken = false;
		}
	} else if (is_init(child)) {
		open_ns(child);
	}
	return see_the_dead(op);
}

static bool make_batch(void)
{
	struct task *t = &world.task[batch.who], *child;
	int i, nr = batch.nr;
	struct place *place = t->place, *child_place = take_place();

	batch.nr = 0;
	child = &world.task[batch.op[nr - 1].other];
	child_place->levels = 0;
	if (!batch.why[nr - 1]) {
		furnish(child_place, child);
		child->place = child_place;
	}
	place->nr_calls = nr;
	for (i = 0; i < nr; i++) {
		place->call[i].child = child_place;
		place->call[i].rc = -ENOSYS;
	}
	if (!obeyed(t, MAKE_CALLS, 0))
		return no_answer(&batch.op[0]);
	for (i = 0; i < nr; i++) {
		if (!same_rc(&batch.op[i], batch.rc[i], place->call[i].rc))
			return false;
		if (batch.op[i].what == CALL) {
			stats.calls++;
			stats.ends[batch.why[i]]++;
		} else {
			stats.others++;
		}
	}
	if (!batch.why[nr - 1])
		return see_child(&batch.op[nr - 1], child_place);
	child_place->taken = false;
	return true;
}

static bool add_to_batch(const struct op *op, const struct op *resolved,
			 int rc, enum why why)
{
	struct place *place = world.task[op->who].place;

	place->call[batch.nr].op = *resolved;
	batch.who = op->who;
	batch.op[batch.nr] = *op;
	batch.rc[batch.nr] = rc;
	batch.why[batch.nr] = why;
	batch.nr++;
	return why && batch.nr < BATCH ? true : make_batch();
}

/* The whole state: who is who in each namespace, and the cursors */

static bool check_ns(const struct op *op, struct ns *ns)
{
	static struct task *tasks[PID_LIMIT];
	struct task *t, *lives_there = NULL;
	int i, nr, is, should_be;

	/* All pids that tests use, and some that they do not. */
	memset(tasks, 0, sizeof(tasks));
	for (i = 0; i < world.nr_here; i++) {
		t = world.here[i];
		if (!is_below(t->pids.ns, ns))
			continue;
		tasks[t->pids.nr[ns->level]] = t;
		if (t->alive && t->pids.ns == ns)
			lives_there = t;
	}
	for (nr = 1; nr < PID_LIMIT; nr++) {
		if (nr > RESERVED + 50 && !tasks[nr])
			continue;
		is = or_errno(ioctl(ns->fd, NS_GET_PID_FROM_PIDNS, nr));
		should_be = tasks[nr] ? tasks[nr]->pids.nr[0] : -ESRCH;
		if (is != should_be)
			return disagree(op, "%d at level %d is %s at level 0; in the model, %s",
					nr, ns->level, rc_text(is), rc_text(should_be));
	}
	if (!lives_there)
		return true;
	if (!obeyed(lives_there, READ_LAST_PID, 0))
		return no_answer(op);
	nr = lives_there->place->arg;
	if (nr != ns->cursor - 1)
		return disagree(op, "ns_last_pid at level %d is %d; in the model, %d",
				ns->level, nr, ns->cursor - 1);
	return true;
}

static bool check(const struct op *op)
{
	struct ns *ns;

	for (ns = world.ns + 1; ns < world.ns + MAX_NS; ns++)
		if (ns->state != NS_NONE && ns->fd >= 0 && !check_ns(op, ns))
			return false;
	return true;
}

/* An operation that makes no child */
static bool act(const struct op *op, long rc)
{
	struct task *t = &world.task[op->who];
	struct place *place = t->place;
	enum order order;
	long arg = op->value;

	switch (op->what) {
	case PID_MAX_IS:
		return same_rc(op, 0, write_each_pid_max(op->value));
	case CHECK:
		return check(op);
	case EXIT:
	case LEAVE:
		place->order = op->what == EXIT ? EXIT_PROCESS : EXIT_THREAD;
		post(place->go);
		return see_the_dead(op);
	case REAP:
		order = WAIT_FOR;
		arg = rc;
		break;
	case UNSHARE:
		order = UNSHARE_FLAGS;
		arg = op->how & NEWUSER ? CLONE_NEWUSER : CLONE_NEWPID;
		break;
	case SETNS:
		order = SET_NS;
		arg = fd_of(op, ns_of(op));
		break;
	case OPEN:
		fd_of(op, ns_of(op));
		return true;
	case CAPS:
		order = KEEP_CAPS;
		break;
	case SETSID:
		order = NEW_SESSION;
		break;
	case SETPGID:
		order = NEW_GROUP;
		break;
	default:
		order = WRITE_LAST_PID;
	}
	if (!obeyed(t, order, arg))
		return no_answer(op);
	return same_rc(op, rc, place->rc) && see_the_dead(op);
}

/* Does the kernel do what the model does? An operation without sense is not tried. */
static bool agree(const struct op *op)
{
	struct op resolved = *op;
	enum why why = SUCCESS;
	int rc;

	if (batch.nr && (!makes_child(op) || op->who != batch.who) &&
	    !make_batch())
		return false;
	if (!applies(op) || !resolve(&resolved))
		return true;
	alarm(patience);
	stats.ops++;
	rc = step(&resolved, &why);
	if (verbose)
		ksft_print_msg("%s -> %s\n", text_of(op), rc_text(rc));
	if (makes_child(op))
		return add_to_batch(op, &resolved, rc, why);
	return act(op, rc);
}

/* The life of a world */

static void make_eventfd(int *fd)
{
	if (*fd)
		close(*fd);
	*fd = eventfd(0, EFD_CLOEXEC);
	if (*fd < 0)
		ksft_exit_fail_perror("eventfd");
}

static bool have_cgroup;

/* A control group for the tasks. Its limit is theirs alone. */
static void remove_cgroup(void)
{
	rmdir(CGROUP);
}

static void make_cgroup(void)
{
	write_str(CGROUP_ROOT "cgroup.subtree_control", "+pids");
	if (!mkdir(CGROUP, 0755))
		atexit(remove_cgroup);
	have_cgroup = !access(CGROUP "pids.max", W_OK);
}

static void make_places(void)
{
	const long page = sysconf(_SC_PAGESIZE);

	places = shared(MAX_HERE * sizeof(*places));
	guard = shared(2 * page) + page;
	if (mprotect(guard, page, PROT_NONE))
		ksft_exit_fail_perror("mprotect");
	outside = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (outside < 0)
		ksft_exit_fail_perror("/proc/self/ns/pid");
}

static pid_t start_world(void)
{
	unsigned long args[6] = { CLONE_NEWPID | CLONE_FILES | SIGCHLD };
	struct task *first = world.task;
	struct place *place, *p;
	pid_t pid;

	hung = false;
	batch.nr = 0;
	disagreement[0] = '\0';
	alarm(patience);
	make_eventfd(&done);
	for (p = places; p < places + MAX_HERE; p++) {
		make_eventfd(&p->go);
		make_eventfd(&p->up);
		p->taken = false;
	}
	begin_world(PID_LIMIT);
	world.ns[0].fd = outside;
	place = take_place();
	first->place = place;
	furnish(place, first);
	place->how = 0;
	args[1] = (unsigned long)&place->stack.top;
	place->stack.top = (struct start){ .fn = live_as_task_0, .arg = place };
	pid = raw_clone(__NR_clone, args);
	if (pid < 0 || !await(place->up) || !learn(first, pid))
		ksft_exit_fail_msg("cannot make a pid namespace: %s\n",
				   rc_text(pid));
	keep_pid_max_fd(first, place);
	write_pid_max(place->pid_max_fd, PID_LIMIT - 1);
	death_is_found_last = read_int(PID_MAX) == PID_LIMIT;
	write_pid_max(place->pid_max_fd, PID_LIMIT);
	open_ns(first);
	return pid;
}

/* Did it go, and all went well, too? */
static bool end_world(pid_t pid, bool good)
{
	struct ns *ns;

	alarm(patience);
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid && good) {
		snprintf(disagreement, sizeof(disagreement),
			 "killed in the end, p0 does not die");
		good = false;
	}
	for (ns = world.ns + 1; ns < world.ns + MAX_NS; ns++) {
		if (ns->state != NS_NONE && ns->fd >= 0)
			close(ns->fd);
		if (ns->state != NS_NONE && ns->pid_max_fd >= 0)
			close(ns->pid_max_fd);
	}
	if (world.pid_max != PID_LIMIT)
		write_int(PID_MAX, PID_LIMIT);
	alarm(0);
	return good;
}

/*
 * In a new world. False if there is a disagreement; then, those up to there
 * which made sense are left in @ops.
 */
static bool run_ops(struct op *ops, int *nr)
{
	static const struct op last = { .what = CHECK };
	pid_t pid = start_world();
	bool good = true;
	int i, tried = 0;

	for (i = 0; good && i < *nr; i++) {
		const unsigned long before = stats.ops;

		good = agree(&ops[i]);
		if (stats.ops != before)
			ops[tried++] = ops[i];
	}
	good = end_world(pid, good && agree(&last));
	if (!good)
		*nr = tried;
	return good;
}

/* Fewer operations that show a disagreement, too */

static struct op shrunk[MAX_OPS], trial[MAX_OPS];
static int nr_shrunk;
static long long deadline;

static bool try(int nr)
{
	if (now_ms() > deadline || run_ops(trial, &nr))
		return false;
	nr_shrunk = nr;
	memcpy(shrunk, trial, nr_shrunk * sizeof(*trial));
	return true;
}

static bool drop_ops(void)
{
	bool dropped = false;
	int chunk, from, rest;

	for (chunk = (nr_shrunk + 1) / 2; chunk; chunk /= 2) {
		for (from = 0; from < nr_shrunk;) {
			rest = nr_shrunk - from - chunk;
			if (rest < 0)
				rest = 0;
			memcpy(trial, shrunk, from * sizeof(*trial));
			memcpy(trial + from, shrunk + nr_shrunk - rest,
			       rest * sizeof(*trial));
			if (try(from + rest))
				dropped = true;
			else
				from += chunk;
		}
	}
	return dropped;
}

static void simplify_ops(void)
{
	int i, j;

	for (i = 0; i < nr_shrunk; i++) {
		for (j = 0; j < ARRAY_SIZE(hows); j++) {
			memcpy(trial, shrunk, nr_shrunk * sizeof(*trial));
			trial[i].how &= ~hows[j].how;
			if (makes_child(&trial[i]) &&
			    trial[i].how != shrunk[i].how)
				try(nr_shrunk);
		}
		for (j = 0; j < shrunk[i].num && j < MAX_ENTRIES; j++) {
			memcpy(trial, shrunk, nr_shrunk * sizeof(*trial));
			trial[i].entry[j] = (struct entry){};
			if (shrunk[i].entry[j].nr || shrunk[i].entry[j].is_task)
				try(nr_shrunk);
		}
	}
}

static void shrink(const struct op *ops, int nr)
{
	int i;

	patience = LESS_PATIENCE;
	deadline = now_ms() + SHRINK_SECONDS * 1000LL;
	memcpy(trial, ops, nr * sizeof(*trial));
	if (!try(nr)) {
		ksft_print_msg("it does not happen again in a new world\n");
		return;
	}
	do {
		while (drop_ops())
			;
		simplify_ops();
	} while (drop_ops());
	ksft_print_msg("%d operations are enough. Replay them with: fuzz_test -v -r '%s",
		       nr_shrunk, nr_shrunk ? text_of(&shrunk[0]) : "");
	for (i = 1; i < nr_shrunk; i++)
		printf("; %s", text_of(&shrunk[i]));
	printf("'\n");
}

/* The generator */

static __u64 random_state;

static unsigned int rnd(unsigned int below)
{
	__u64 z = random_state += 0x9e3779b97f4a7c15;	/* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return ((z ^ (z >> 31)) >> 32) % below;
}

static bool chance(int percent)
{
	return rnd(100) < percent;
}

/* Some worlds are dug deep; in others there are few pids. */
static struct {
	bool deep, scarce;
	int next_task, burst, last;
	int recent[8];		/* pids that were asked for lately */
	int heads[4];		/* tasks with groups or sessions of their own */
} plan;

static int nr_alive(void)
{
	int i, nr = 0;

	for (i = 0; i < world.nr_here; i++)
		nr += world.here[i]->alive;
	return nr;
}

static struct task *one_here(void)
{
	return world.here[rnd(world.nr_here)];
}

static struct task *one_alive(void)
{
	struct task *t;

	do
		t = one_here();
	while (!t->alive);
	return t;
}

static struct task *deepest(void)
{
	struct task *t, *found = world.task;
	int i;

	for (i = 0; i < world.nr_here; i++) {
		t = world.here[i];
		if (t->alive && t->pids.ns->level > found->pids.ns->level)
			found = t;
	}
	return found;
}

static struct entry some_free_pid(struct ns *ns)
{
	int nr;

	if (!ns->level)
		return (struct entry){ .nr = chance(75) ? POOL + rnd(24) :
							  RESERVED - 1 - rnd(8) };
	switch (plan.scarce && chance(40) ? 2 : rnd(8)) {
	case 0:
	case 1:
		nr = ns->cursor + rnd(3);
		break;
	case 2:
	case 3:
		nr = RESERVED - 2 + rnd(6);
		break;
	case 4:
		nr = world.pid_max - 1 - rnd(3);
		break;
	case 5:
		nr = 2 + rnd(12);
		break;
	case 6:
		nr = plan.recent[rnd(ARRAY_SIZE(plan.recent))];
		break;
	default:
		nr = 1000 + rnd(24);
	}
	plan.recent[rnd(ARRAY_SIZE(plan.recent))] = nr;
	return (struct entry){ .nr = nr };
}

/* That of any task there, be it that only groups are left of it */
static struct entry some_busy_pid(struct ns *ns)
{
	struct task *t;
	int tries;

	for (tries = 0; tries < 20; tries++) {
		t = chance(70) ? one_here() :
				 &world.task[plan.heads[rnd(ARRAY_SIZE(plan.heads))]];
		if (t->pids.users && is_below(t->pids.ns, ns))
			return (struct entry){ .is_task = true, .nr = id_of(t) };
	}
	return (struct entry){ .nr = 1 };
}

static struct entry some_bad_pid(void)
{
	const int bad[] = {
		-1, -2, INT_MIN, INT_MAX, -1000 - (int)rnd(24),
		world.pid_max, world.pid_max + 1, PID_LIMIT,
	};

	return (struct entry){ .nr = bad[rnd(ARRAY_SIZE(bad))] };
}

static bool may_call(const struct task *t)
{
	return has_cap(t, t->children->owner, CAPS_CHOOSE);
}

static struct entry some_entry(struct task *t, struct ns *ns, int sparse)
{
	bool choose = has_cap(t, ns->owner, CAPS_CHOOSE);

	if (rnd(100) < sparse || (!choose && chance(may_call(t) ? 60 : 85)))
		return (struct entry){};
	if (ns->state == NS_EMPTY && chance(65))
		return (struct entry){ .nr = 1 };
	return some_free_pid(ns);
}

static void make_set(struct op *op)
{
	struct task *t = &world.task[op->who];
	bool is_clone3 = op->what == CLONE3;
	int levels = t->children->level + 1, level, i, theme = rnd(100);
	int sparse = is_clone3 ? 5 : levels > 8 ? 100 - 300 / levels : 35;
	struct entry *e, entry[MAX_ENTRIES] = {};

	op->null = !is_clone3 && chance(4);
	op->num = chance(3) ? 0 : chance(55) ? levels : rnd(levels) + 1;
	for (i = 0; i < op->num; i++) {
		struct ns *ns = ns_at(t->children, levels - op->num + i);

		entry[i] = some_entry(t, ns, sparse);
		if (theme < 15 && chance(levels > 8 ? 5 : 20))
			entry[i] = chance(70) ? some_busy_pid(ns) : some_bad_pid();
	}
	if (op->num && theme >= 15 && theme < 60) {
		i = rnd(op->num);
		level = levels - op->num + i;
		entry[i] = theme < 50 ? some_busy_pid(ns_at(t->children, level)) :
			   some_bad_pid();
	}
	if (is_clone3 && (op->how & NEWPID) && op->num < MAX_LEVELS)
		entry[op->num++].nr = chance(80) ? 1 : rnd(4);
	op->readable = op->num;
	for (i = 0; i < op->num; i++)
		op->entry[is_clone3 ? op->num - 1 - i : i] = entry[i];

	if (theme >= 60 && theme < 65 && op->num) {
		op->readable = rnd(op->num + 1) - 1;
	} else if (theme >= 65 && theme < 70) {
		op->num = levels + !!(op->how & NEWPID) * is_clone3 + 1 + rnd(3);
		if (chance(30))
			op->num = rnd(2) ? UINT_MAX - rnd(2) : MAX_LEVELS + rnd(2);
		for (e = op->entry; e < op->entry + MAX_ENTRIES; e++)
			if (e->is_task)
				*e = (struct entry){ .nr = 1 };
		op->readable = op->num > MAX_ENTRIES ? 0 : op->num;
	}
}

static void child_of(struct task *t, enum what call, struct op *op)
{
	static const struct {
		enum how how;
		int percent;
	} often[] = {
		{ THREAD, 8 }, { LONE_THREAD, 1 }, { PARENT, 4 }, { NEWPID, 8 },
		{ NEWUSER, 2 }, { PIDFD, 5 }, { BAD_PIDFD, 4 }, { NO_FD, 2 },
		{ CGROUP_FULL, 2 }, { QUIET, 5 }, { WIDE, 5 },
	};
	bool first = t->children->state == NS_EMPTY;
	int i, crowd = nr_alive() - (plan.deep ? MAX_LEVELS : 0);

	op->what = call;
	op->who = id_of(t);
	op->other = plan.next_task;
	for (i = 0; i < ARRAY_SIZE(often); i++)
		if (chance(often[i].percent))
			op->how |= often[i].how;
	/* or there would soon be no namespace without an init */
	if (first && chance(50))
		op->how |= chance(50) ? BAD_PIDFD : chance(50) ? NO_FD : CGROUP_FULL;
	if (!have_cgroup)
		op->how &= ~CGROUP_FULL;
	if (op->how & LONE_THREAD)
		op->how &= ~THREAD;
	if (op->how & BAD_PIDFD)
		op->how &= ~PIDFD;
	if (call == CLONE3)
		op->how &= ~WIDE;
	if (plan.deep && t == deepest() && t->pids.ns->level < MAX_LEVELS - 1) {
		op->how = NEWPID;
	} else if (!(op->how & PARENT) &&
		   !chance(crowd > 20 ? 5 : op->how & NEWPID ? 60 : 25)) {
		op->how |= chance(80) ? REAPED : ZOMBIE;
	}
	op->null = true;
	if (call != FORK)
		make_set(op);
}

static bool some_reap(struct op *op)
{
	struct task *z = one_here(), *t;
	int i;

	op->what = REAP;
	op->other = id_of(z);
	for (i = 0; i < world.nr_here; i++) {
		t = world.here[i];
		op->who = id_of(t);
		if (t->alive && t->leader == z->parent)
			return applies(op);
	}
	return false;
}

/*
 * A task whose children are born where nobody was born yet, or NULL. Such a
 * namespace below others that can die is as rare as it is wanted.
 */
static struct task *one_at_empty(void)
{
	int i = rnd(world.nr_here), nr = world.nr_here;
	struct task *t, *found = NULL;

	for (; nr--; i = (i + 1) % world.nr_here) {
		t = world.here[i];
		if (!t->alive || t->children->state != NS_EMPTY)
			continue;
		if (!found || t->children->level > 2)
			found = t;
		if (chance(30))
			break;
	}
	return found;
}

/* One who can enter @ns, and lives on when one of the older ones dies */
static struct task *one_above(struct ns *ns)
{
	struct task *t = one_alive();
	int tries;

	for (tries = 0; tries < 20; tries++) {
		if (t->pids.ns->level < ns->level - 1 &&
		    is_below(ns, t->pids.ns) && has_cap(t, ns->owner, CAPS_ADMIN))
			break;
		t = one_alive();
	}
	return t;
}

/* The end of @init, or of what it leaves: false if that is not to be had. */
static bool end_init(struct task *init, struct op *op)
{
	if (!init || init == world.task)
		return false;
	op->what = init->threads ? EXIT : REAP;
	op->who = id_of(init->threads ? init : init->parent);
	op->other = id_of(init);
	return true;
}

/*
 * What is to be done about such a namespace, as long as it is one: others enter
 * it, or have a descriptor for it, its maker or they fork into it, one of the
 * older namespaces dies.
 */
static bool at_empty(struct task *t, struct op *op)
{
	struct ns *ns = t->children, *dead = dead_one(ns);

	op->other = id_of(t);
	plan.last = id_of(chance(80) ? one_above(ns) : one_alive());
	op->who = plan.last;
	plan.burst = 1 + rnd(3);
	switch (rnd(8)) {
	case 0:
	case 1:
	case 2:
		op->what = SETNS;
		op->how = t->opened && chance(50) ? OPENED : CHILDREN;
		return true;
	case 3:
		op->what = OPEN;
		op->how = CHILDREN;
		return true;
	case 4:
		if (dead)
			return end_init(dead->init, op);
		if (ns->level < 3 || (plan.deep && chance(80)))
			return false;
		return end_init(ns_at(ns, chance(70) ? ns->level - 1 :
				      2 + rnd(ns->level - 2))->init, op);
	default:
		plan.last = id_of(t);
		child_of(t, chance(60) ? CALL : chance(50) ? CLONE3 : FORK, op);
		return true;
	}
}

static void some_setns(struct task *t, struct op *op)
{
	struct task *o = chance(50) ? t : one_here();

	op->what = chance(65) ? SETNS : OPEN;
	if (o->opened && chance(60)) {
		op->how = OPENED;
	} else {
		o = one_here();
		op->how = o->alive && chance(40) ? CHILDREN : 0;
	}
	op->other = id_of(o);
}

static void some_pid_max(struct op *op)
{
	static const int few[] = { 301, 302, 304, 308, 320, 400, 1000, 19000 };

	op->what = PID_MAX_IS;
	op->value = few[rnd(ARRAY_SIZE(few))];
	if (world.pid_max != PID_LIMIT)
		op->value = PID_LIMIT;
}

static void some_last_pid(struct task *t, struct op *op)
{
	const int last[] = {
		-1, 0, 1, RESERVED - 1, RESERVED, RESERVED + 1, 1000 + (int)rnd(24),
		world.pid_max - 2, world.pid_max - 1, world.pid_max,
		world.pid_max + 1,
	};

	op->what = LAST_PID;
	op->value = last[rnd(ARRAY_SIZE(last))];
}

/* Something that can be done in the world as it is */
static void generate(struct op *op)
{
	static const enum caps all_caps[] = {
		CAPS_ALL, CAPS_ALL, CAPS_ALL, CAPS_ALL, CAPS_NONE, CAPS_ADMIN,
		CAPS_RESTORE,
	};
	struct task *t;
	int r;

again:
	*op = (struct op){ .null = true };
	/* Who may not call learns that soon enough. */
	if (plan.burst > 0 && world.task[plan.last].alive &&
	    (may_call(&world.task[plan.last]) || chance(30))) {
		plan.burst--;
		child_of(&world.task[plan.last], CALL, op);
		return;
	}
	t = one_alive();
	op->who = id_of(t);
	r = rnd(1000);
	if (plan.deep && chance(50)) {
		t = deepest();
		if (t->pids.ns->level < MAX_LEVELS - 1 || chance(30))
			r = 0;
		op->who = id_of(t);
	}
	if (world.pid_max != PID_LIMIT && chance(5))
		r = 999;
	if (chance(25) && world.nr_here <= MAX_HERE - 10) {
		t = one_at_empty();
		if (t && at_empty(t, op) && applies(op))
			return;
		goto again;
	}
	if (world.nr_here > MAX_HERE - 10)
		r = 460 + rnd(260);
	if (r < 350) {
		if (!may_call(t) && chance(60))
			goto again;
		plan.last = id_of(t);
		plan.burst = rnd(5);
		child_of(t, CALL, op);
	} else if (r < 440) {
		child_of(t, CLONE3, op);
	} else if (r < 460) {
		child_of(t, FORK, op);
	} else if (r < 560) {
		op->what = EXIT;
		if (chance(50)) {
			op->who = plan.heads[rnd(ARRAY_SIZE(plan.heads))];
			t = &world.task[op->who];
		}
		if (!t->alive)
			goto again;
		if (is_init(t) && rnd(plan.deep ? 30 : 4))
			goto again;
	} else if (r < 590) {
		op->what = LEAVE;
	} else if (r < 720) {
		if (!some_reap(op))
			goto again;
	} else if (r < 780) {
		op->what = UNSHARE;
		op->how = chance(85) ? NEWPID : NEWUSER;
		plan.last = op->who;
		plan.burst = rnd(3);
	} else if (r < 840) {
		some_setns(t, op);
		plan.last = op->who;
		plan.burst = rnd(5);
	} else if (r < 895) {
		op->what = CAPS;
		op->value = all_caps[rnd(ARRAY_SIZE(all_caps))];
		plan.last = op->who;
		plan.burst = rnd(5);
	} else if (r < 930) {
		op->what = chance(50) ? SETSID : SETPGID;
		plan.heads[rnd(ARRAY_SIZE(plan.heads))] = id_of(t->leader);
		plan.last = op->who;
		plan.burst = rnd(8);
	} else if (r < 970) {
		some_last_pid(t, op);
	} else if (r < 975) {
		op->what = CHECK;
	} else if (plan.scarce || world.pid_max != PID_LIMIT) {
		some_pid_max(op);
	} else {
		goto again;
	}
	if (!applies(op))
		goto again;
}

/* A world of @calls calls, or up to a disagreement: false then. */
static bool run_world(__u64 seed, unsigned int nr, unsigned long calls)
{
	static struct op ops[MAX_OPS];
	unsigned long end = stats.calls + calls, first_op = stats.ops;
	struct stats saved;
	bool good = true;
	int i = 0;
	pid_t pid;

	random_state = seed * 1000003 + nr;
	memset(&plan, 0, sizeof(plan));
	plan.next_task = 1;
	plan.deep = nr % 4 == 1;
	plan.scarce = nr % 4 == 3;
	pid = start_world();
	while (good && i < MAX_OPS - 1 && stats.calls < end) {
		generate(&ops[i]);
		if (makes_child(&ops[i]))
			plan.next_task++;
		good = agree(&ops[i++]);
	}
	if (good) {
		ops[i] = (struct op){ .what = CHECK };
		good = agree(&ops[i++]);
	}
	if (end_world(pid, good))
		return true;

	ksft_print_msg("seed %llu, world %u, operation %lu (%lu of all, call %lu):\n",
		       (unsigned long long)seed, nr, stats.ops - first_op,
		       stats.ops, stats.calls);
	ksft_print_msg("%s\n", disagreement);
	saved = stats;
	shrink(ops, i);
	stats = saved;
	return false;
}

static bool run_seed(__u64 seed, unsigned long calls)
{
	const long long start = now_ms();
	const unsigned long before = stats.calls, ops = stats.ops;
	unsigned long left, next = 100000;
	unsigned int nr;
	bool good = true;

	for (nr = 0; good && stats.calls - before < calls; nr++) {
		left = calls - (stats.calls - before);
		good = run_world(seed, nr, left < WORLD_CALLS ? left : WORLD_CALLS);
		if (stats.calls - before >= next) {
			ksft_print_msg("seed %llu: %lu calls, %lld s\n",
				       (unsigned long long)seed, next,
				       (now_ms() - start) / 1000);
			next += 100000;
		}
	}
	ksft_test_result(good, "seed %llu: %lu calls among %lu operations in %u worlds, %lld ms\n",
			 (unsigned long long)seed, stats.calls - before,
			 stats.ops - ops, nr, now_ms() - start);
	return good;
}

/* A result that was never seen was not tested. */
static void report_ends(void)
{
	enum rarity rarity;
	enum why why;

	for (why = 0; why < NR_WHY; why++)
		if (why == TOO_MANY_TASKS && !have_cgroup)
			ksft_test_result_skip("no cgroup2 with pids at %s\n",
					      CGROUP_ROOT);
		else
			ksft_test_result(stats.ends[why], "%lu calls: %s\n",
					 stats.ends[why], ends[why].text);
	for (rarity = 0; rarity < NR_RARITIES; rarity++)
		ksft_test_result(seen[rarity], "%lu times: %s\n",
				 seen[rarity], rarities[rarity]);
	ksft_print_msg("besides, %lu of clone3() and clone()\n", stats.others);
}

static void replay(char *what)
{
	static struct op ops[MAX_OPS];
	static char text[1 << 20];
	FILE *f = fopen(what, "re");
	char *op, *rest = text, copy[1024];
	int nr = 0;

	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
	} else {
		snprintf(text, sizeof(text), "%s", what);
	}
	while ((op = strsep(&rest, ";\n"))) {
		op += strspn(op, " \t");
		if (!*op)
			continue;
		if (nr == MAX_OPS)
			ksft_exit_fail_msg("more than %d operations\n", MAX_OPS);
		snprintf(copy, sizeof(copy), "%s", op);
		if (!parse_op(op, &ops[nr++]))
			ksft_exit_fail_msg("operation %d is not understood: %s\n",
					   nr, copy);
	}
	verbose = true;
	if (run_ops(ops, &nr)) {
		ksft_test_result_pass("%d operations\n", nr);
	} else {
		ksft_print_msg("%s\n", disagreement);
		ksft_test_result_fail("%d operations\n", nr);
	}
}

static int old_pid_max;

static void restore_pid_max(void)
{
	write_int(PID_MAX, old_pid_max);
}

static void prepare(void)
{
	struct sigaction act = { .sa_handler = on_alarm };
	const char *missing = lacks_call(__NR_clone_with_pids);
	cpu_set_t cpu;

	if (missing)
		ksft_exit_skip("%s\n", missing);
	if (access(NS_LAST_PID, F_OK))
		ksft_exit_skip("kernel without CONFIG_CHECKPOINT_RESTORE\n");
	if (geteuid() || levels() != 1)
		ksft_exit_skip("to be run by root in the initial pid namespace\n");

	sigaction(SIGALRM, &act, NULL);
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		ksft_exit_fail_perror("sched_setaffinity");
	make_places();
	make_cgroup();
	old_pid_max = read_int(PID_MAX);
	atexit(restore_pid_max);
	if (write_int(PID_MAX, PID_LIMIT))
		ksft_exit_fail_perror(PID_MAX);
	pass_reserved_pids();
}

static unsigned long long number(const char *text, char option)
{
	char *end;
	unsigned long long nr = strtoull(text, &end, 0);

	if (!isdigit(*text) || *end)
		ksft_exit_fail_msg("-%c %s: a number is wanted\n", option, text);
	return nr;
}

int main(int argc, char *argv[])
{
	unsigned long long seed, calls = CALLS;
	bool one_seed = false;
	char *ops = NULL;
	int opt;

	setlinebuf(stdout);
	ksft_print_header();
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		ksft_exit_fail_perror("getrandom");
	seed %= 1000000;
	while ((opt = getopt(argc, argv, "s:n:r:v")) != -1) {
		switch (opt) {
		case 's':
			seed = number(optarg, opt);
			one_seed = true;
			break;
		case 'n':
			calls = number(optarg, opt);
			one_seed = true;
			break;
		case 'r':
			ops = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			ksft_exit_fail_msg("usage: fuzz_test [-v] [-s SEED] [-n CALLS] | -r FILE | -r 'OPERATION; ...'\n");
		}
	}
	prepare();
	if (ops) {
		ksft_set_plan(1);
		replay(ops);
		ksft_finished();
	}
	/* Each time the same, and each time something else. */
	ksft_set_plan(1 + !one_seed + NR_WHY + NR_RARITIES);
	if (one_seed || run_seed(1, calls))
		run_seed(seed, calls);
	else
		ksft_test_result_fail("no second seed tried\n");
	report_ends();
	ksft_finished();
}
