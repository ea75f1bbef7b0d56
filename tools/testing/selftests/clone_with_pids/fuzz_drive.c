// SPDX-License-Identifier: GPL-2.0
/* Compares the kernel with the model: see fuzz_drive.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/nsfs.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../kselftest.h"
#include "call.h"
#include "fuzz_drive.h"
#include "fuzz_worker.h"
#include "namespaces.h"
#include "proc.h"
#include "util.h"

#define PF_EXITING	0x4

int patience = PATIENCE;
static struct slot *slots;	/* MAX_PRESENT of them */
static int outside;		/* the pid namespace at level 0 */
struct stats stats;
bool verbose;

static atomic_bool hung;
char disagreement[4096];

void on_alarm(int sig)
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

int task_id(const struct task *t)
{
	return t - model.task;
}

static bool no_answer(const struct op *op)
{
	return disagree(op, "no answer");
}

bool used_outside(int nr)
{
	return !kill(nr, 0);
}

static struct slot *take_slot(void)
{
	struct slot *slot = slots;

	while (slot->taken)
		slot++;
	slot->taken = true;
	return slot;
}

/* What a new worker needs to know of the task that it is. */
static void init_slot(struct slot *slot, struct task *t)
{
	struct ns *ns;

	slot->levels = t->pids.ns->level + 1;
	slot->pid_max = model.pid_max;
	for (ns = t->pids.ns; ns; ns = ns->parent)
		slot->fd[ns->level] = ns->fd;
}

static int write_each_pid_max(int pid_max)
{
	int rc = write_int(PID_MAX, pid_max);
	struct ns *ns;

	for (ns = model.ns + 1; !rc && ns < model.ns + MAX_NS; ns++)
		if (ns->state != NS_NONE && ns->pid_max_fd >= 0)
			rc = write_pid_max(ns->pid_max_fd, pid_max);
	return rc;
}

/* @child may be an init that has exited, and its namespace be gone. */
static void keep_pid_max_fd(struct task *child, struct slot *slot)
{
	struct ns *ns = child->pids.ns;

	if (child->pids.nr[ns->level] != 1 || ns->pid_max_fd >= 0)
		return;
	if (ns->state == NS_NONE)
		close(slot->pid_max_fd);
	else
		ns->pid_max_fd = slot->pid_max_fd;
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

/* A descriptor for @ns, the namespace that @op is about. */
static int op_ns_fd(const struct op *op, struct ns *ns)
{
	int fd;

	if (op->opts & CHILDREN) {
		fd = ns_for_children(model.task[op->target].pids.nr[0]);
		if (ns->fd < 0)
			ns->fd = fd;
		else
			close(fd);
	}
	return ns->fd;
}

/* Is @t a zombie, or an exiting init that waits for its namespace to be empty? */
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

static void free_slot(struct task *t)
{
	if (t->slot)
		t->slot->taken = false;
	t->slot = NULL;
}

/* Waits until the tasks that have exited in the model have done so. */
static bool wait_for_exits(const struct op *op)
{
	struct task *t;
	int i;

	for (i = 0; i < model.nr_gone; i++) {
		t = model.gone[i];
		while (!hung && !kill(t->pids.nr[0], 0))
			sched_yield();
		if (hung)
			return disagree(op, "p%d should be gone, and is not",
					task_id(t));
		free_slot(t);
	}
	for (i = 0; i < model.nr_died; i++) {
		t = model.died[i];
		while (!hung && t->present && !has_died(t))
			sched_yield();
		if (hung)
			return disagree(op, "p%d should be dead, and is not",
					task_id(t));
		free_slot(t);
	}
	model.nr_gone = 0;
	model.nr_died = 0;
	return true;
}

static bool order_task(const struct task *t, enum order order, long arg)
{
	struct slot *slot = t->slot;

	slot->order = order;
	slot->arg = arg;
	post(slot->go);
	return await(done);
}

static bool same_rc(const struct op *op, long model, long kernel)
{
	if (model == kernel)
		return true;
	return disagree(op, "the model says %s, the kernel %s", rc_text(model),
			rc_text(kernel));
}

/* The calls that a task makes for one order. Only the last creates a child. */
static struct {
	int nr, task;
	struct op op[BATCH];
	int rc[BATCH];
	enum outcome outcome[BATCH];
} batch;

static bool check_child(const struct op *op, struct slot *slot)
{
	struct task *child = &model.task[op->target];
	int i;

	if (!learn_pid(child, slot->nr[0]))
		return disagree(op, "at level 0 it is %s", rc_text(slot->nr[0]));
	for (i = 0; i < slot->levels; i++)
		if (slot->nr[i] != child->pids.nr[i])
			return disagree(op, "at level %d the model says %d, the kernel %s",
					i, child->pids.nr[i], rc_text(slot->nr[i]));
	keep_pid_max_fd(child, slot);
	if (op->opts & (ZOMBIE | REAPED)) {
		exit_child(op);
		/* has been waited for */
		if (!(op->opts & THREAD)) {
			model.nr_gone = 0;
			model.nr_died = 0;
			child->slot = NULL;
			slot->taken = false;
		}
	} else if (is_init(child)) {
		open_ns(child);
	}
	return wait_for_exits(op);
}

static bool make_batch(void)
{
	struct task *t = &model.task[batch.task], *child;
	int i, nr = batch.nr;
	struct slot *slot = t->slot, *child_slot = take_slot();

	batch.nr = 0;
	child = &model.task[batch.op[nr - 1].target];
	child_slot->levels = 0;
	if (!batch.outcome[nr - 1]) {
		init_slot(child_slot, child);
		child->slot = child_slot;
	}
	slot->nr_calls = nr;
	for (i = 0; i < nr; i++) {
		slot->call[i].child = child_slot;
		slot->call[i].rc = -ENOSYS;
	}
	if (!order_task(t, MAKE_CALLS, 0))
		return no_answer(&batch.op[0]);
	for (i = 0; i < nr; i++) {
		if (!same_rc(&batch.op[i], batch.rc[i], slot->call[i].rc))
			return false;
		if (batch.op[i].type == CALL) {
			stats.calls++;
			stats.outcomes[batch.outcome[i]]++;
		} else {
			stats.others++;
		}
	}
	if (!batch.outcome[nr - 1])
		return check_child(&batch.op[nr - 1], child_slot);
	child_slot->taken = false;
	return true;
}

static bool add_to_batch(const struct op *op, const struct op *resolved,
			 int rc, enum outcome outcome)
{
	struct slot *slot = model.task[op->task].slot;

	slot->call[batch.nr].op = *resolved;
	batch.task = op->task;
	batch.op[batch.nr] = *op;
	batch.rc[batch.nr] = rc;
	batch.outcome[batch.nr] = outcome;
	batch.nr++;
	return outcome && batch.nr < BATCH ? true : make_batch();
}

/* Compares all pids of @ns, and its allocation cursor. */

static bool check_ns(const struct op *op, struct ns *ns)
{
	static struct task *tasks[PID_LIMIT];
	struct task *t, *lives_there = NULL;
	int i, nr, is, should_be;

	/* All pids that the model knows, and all low ones. */
	memset(tasks, 0, sizeof(tasks));
	for (i = 0; i < model.nr_present; i++) {
		t = model.present[i];
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
	if (!order_task(lives_there, READ_LAST_PID, 0))
		return no_answer(op);
	nr = lives_there->slot->arg;
	if (nr != ns->cursor - 1)
		return disagree(op, "ns_last_pid at level %d is %d; in the model, %d",
				ns->level, nr, ns->cursor - 1);
	return true;
}

static bool check_all_ns(const struct op *op)
{
	struct ns *ns;

	for (ns = model.ns + 1; ns < model.ns + MAX_NS; ns++)
		if (ns->state != NS_NONE && ns->fd >= 0 && !check_ns(op, ns))
			return false;
	return true;
}

/* Performs an operation that creates no child. */
static bool run_other_op(const struct op *op, long rc)
{
	struct task *t = &model.task[op->task];
	struct slot *slot = t->slot;
	enum order order;
	long arg = op->value;

	switch (op->type) {
	case PID_MAX_IS:
		return same_rc(op, 0, write_each_pid_max(op->value));
	case CHECK:
		return check_all_ns(op);
	case EXIT:
	case LEAVE:
		slot->order = op->type == EXIT ? EXIT_PROCESS : EXIT_THREAD;
		post(slot->go);
		return wait_for_exits(op);
	case REAP:
		order = WAIT_FOR;
		arg = rc;
		break;
	case UNSHARE:
		order = UNSHARE_FLAGS;
		arg = op->opts & NEWUSER ? CLONE_NEWUSER : CLONE_NEWPID;
		break;
	case SETNS:
		order = SET_NS;
		arg = op_ns_fd(op, op_ns(op));
		break;
	case OPEN:
		op_ns_fd(op, op_ns(op));
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
	if (!order_task(t, order, arg))
		return no_answer(op);
	return same_rc(op, rc, slot->rc) && wait_for_exits(op);
}

/*
 * Performs @op in the model and in the kernel, if it applies. False if they
 * disagree.
 */
bool agree(const struct op *op)
{
	struct op resolved = *op;
	enum outcome outcome = SUCCESS;
	int rc;

	if (batch.nr && (!makes_child(op) || op->task != batch.task) &&
	    !make_batch())
		return false;
	if (!applies(op) || !resolve(&resolved))
		return true;
	alarm(patience);
	stats.ops++;
	rc = model_step(&resolved, &outcome);
	if (verbose)
		ksft_print_msg("%s -> %s\n", text_of(op), rc_text(rc));
	if (makes_child(op))
		return add_to_batch(op, &resolved, rc, outcome);
	return run_other_op(op, rc);
}

/* Rounds */

static void make_eventfd(int *fd)
{
	if (*fd)
		close(*fd);
	*fd = eventfd(0, EFD_CLOEXEC);
	if (*fd < 0)
		ksft_exit_fail_perror("eventfd");
}

bool have_cgroup;

/* A control group whose limit applies to the tasks of the model only. */
static void remove_cgroup(void)
{
	rmdir(CGROUP);
}

void make_cgroup(void)
{
	write_str(CGROUP_ROOT "cgroup.subtree_control", "+pids");
	if (!mkdir(CGROUP, 0755))
		atexit(remove_cgroup);
	have_cgroup = !access(CGROUP "pids.max", W_OK);
}

void make_slots(void)
{
	const long page = sysconf(_SC_PAGESIZE);

	slots = shared(MAX_PRESENT * sizeof(*slots));
	guard = shared(2 * page) + page;
	if (mprotect(guard, page, PROT_NONE))
		ksft_exit_fail_perror("mprotect");
	outside = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (outside < 0)
		ksft_exit_fail_perror("/proc/self/ns/pid");
}

pid_t start_round(void)
{
	unsigned long args[6] = { CLONE_NEWPID | CLONE_FILES | SIGCHLD };
	struct task *first = model.task;
	struct slot *slot, *p;
	pid_t pid;

	hung = false;
	batch.nr = 0;
	disagreement[0] = '\0';
	alarm(patience);
	make_eventfd(&done);
	for (p = slots; p < slots + MAX_PRESENT; p++) {
		make_eventfd(&p->go);
		make_eventfd(&p->up);
		p->taken = false;
	}
	init_model(PID_LIMIT);
	model.ns[0].fd = outside;
	slot = take_slot();
	first->slot = slot;
	init_slot(slot, first);
	slot->opts = 0;
	args[1] = (unsigned long)&slot->stack.top;
	slot->stack.top = (struct start){ .fn = first_worker, .arg = slot };
	pid = raw_clone(__NR_clone, args);
	if (pid < 0 || !await(slot->up) || !learn_pid(first, pid))
		ksft_exit_fail_msg("cannot make a pid namespace: %s\n",
				   rc_text(pid));
	keep_pid_max_fd(first, slot);
	write_pid_max(slot->pid_max_fd, PID_LIMIT - 1);
	death_is_found_last = read_int(PID_MAX) == PID_LIMIT;
	write_pid_max(slot->pid_max_fd, PID_LIMIT);
	open_ns(first);
	return pid;
}

/* Kills task 0 and all that descend from it. False if that, or @good, is not so. */
bool end_round(pid_t pid, bool good)
{
	struct ns *ns;

	alarm(patience);
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid && good) {
		snprintf(disagreement, sizeof(disagreement),
			 "p0 was killed at the end of the round and does not exit");
		good = false;
	}
	for (ns = model.ns + 1; ns < model.ns + MAX_NS; ns++) {
		if (ns->state != NS_NONE && ns->fd >= 0)
			close(ns->fd);
		if (ns->state != NS_NONE && ns->pid_max_fd >= 0)
			close(ns->pid_max_fd);
	}
	if (model.pid_max != PID_LIMIT)
		write_int(PID_MAX, PID_LIMIT);
	alarm(0);
	return good;
}

/*
 * Performs @ops in a new round. If there is a disagreement, returns false and
 * leaves in @ops those that were performed until then.
 */
bool run_ops(struct op *ops, int *nr)
{
	static const struct op last = { .type = CHECK };
	pid_t pid = start_round();
	bool good = true;
	int i, tried = 0;

	for (i = 0; good && i < *nr; i++) {
		const unsigned long before = stats.ops;

		good = agree(&ops[i]);
		if (stats.ops != before)
			ops[tried++] = ops[i];
	}
	good = end_round(pid, good && agree(&last));
	if (!good)
		*nr = tried;
	return good;
}
