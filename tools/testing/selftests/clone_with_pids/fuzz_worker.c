// SPDX-License-Identifier: GPL-2.0
/*
 * Performs operations: see fuzz_worker.h. The tasks share their memory, errno
 * included: no system call of one fails while another has not yet gone back to
 * wait for orders.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../kselftest.h"
#include "call.h"
#include "fuzz_worker.h"
#include "privilege.h"
#include "proc.h"

__s32 *guard;
int done;

long or_errno(long rc)
{
	return rc < 0 ? -errno : rc;
}

void post(int fd)
{
	const __u64 one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		_exit(KSFT_FAIL);
}

bool await(int fd)
{
	__u64 count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static unsigned long clone_flags(const struct op *op)
{
	static const struct {
		enum opt opt;
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

	/* as fork(), the child has a copy of the memory */
	if (op->type == FORK && !(op->opts & THREAD))
		flags &= ~CLONE_VM;
	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (op->opts & map[i].opt)
			flags |= map[i].flags;
	return flags;
}

/* Puts the set where nothing can be read after @op->readable entries. */
static void *write_set(const struct op *op, bool with_num)
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
	int exit_signal = op->opts & (QUIET | THREAD | PARENT) ? 0 : SIGCHLD;
	void *pidfd = op->opts & BAD_PIDFD ? (void *)1 : &call->pidfd;
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

	if (op->type == CALL)
		return clone_on_stack(args[0], stack, pidfd, NULL, 0,
				      op->null ? NULL : write_set(op, true),
				      fn, call->child);

	stack->top = (struct start){ .fn = fn, .arg = call->child };
	if (op->type == FORK)
		return raw_clone(__NR_clone, args);
	if (op->num)
		args3.set_tid = (unsigned long)write_set(op, false);
	args[0] = (unsigned long)&args3;
	args[1] = sizeof(args3);
	return raw_clone(__NR_clone3, args);
}

/* Makes calls fail by a limit that does not affect existing files and tasks. */
static void limit(const struct op *op, bool on)
{
	struct rlimit lim;

	if (op->opts & NO_FD) {
		getrlimit(RLIMIT_NOFILE, &lim);
		lim.rlim_cur = on ? 0 : lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	if (op->opts & CGROUP_FULL)
		write_str(CGROUP "pids.max", on ? "0" : "max");
}

/* Waits for a child that exits at once. Without an exit signal, it takes __WCLONE. */
static long wait_for(struct call *call)
{
	bool by_fd = call->op.opts & PIDFD;
	int options = WEXITED | (call->op.opts & QUIET ? __WCLONE : 0);
	siginfo_t info;

	if (call->op.opts & ZOMBIE)
		options |= WNOWAIT;
	return or_errno(waitid(by_fd ? P_PIDFD : P_PID,
			       by_fd ? call->pidfd : call->rc, &info, options));
}

/* On newer kernels each namespace has its own, and only members can open it. */
int write_pid_max(int fd, int pid_max)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", pid_max);

	return pwrite(fd, text, len, 0) == len ? 0 : -errno;
}

static int worker(struct start *sp);

/* Makes the calls in order. Stops at the first that creates a child. */
static void make_calls(struct slot *me)
{
	struct call *call;
	bool exits;
	long rc = 0;

	for (call = me->call; call < me->call + me->nr_calls; call++) {
		exits = call->op.opts & (ZOMBIE | REAPED);
		call->child->opts = call->op.opts;
		call->pidfd = -1;
		limit(&call->op, true);
		call->rc = make_child(call, worker);
		limit(&call->op, false);
		if (call->rc < 0)
			continue;
		if (!exits || (call->op.opts & THREAD))
			await(call->child->up);
		else
			rc = wait_for(call);
		if ((call->op.opts & PIDFD) && close(call->pidfd))
			rc = -errno;
		if (rc < 0)
			call->rc = rc;
		return;
	}
}

/* Creating a user namespace below this one needs a mapping. */
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

static long perform(struct slot *me)
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

static int worker(struct start *sp)
{
	struct slot *me = sp->arg;
	bool exits = me->opts & (ZOMBIE | REAPED);
	int i, tid = syscall(SYS_gettid);

	for (i = 0; i < me->levels; i++)
		me->nr[i] = me->fd[i] < 0 ? tid :
			or_errno(ioctl(me->fd[i], NS_GET_PID_IN_PIDNS, tid));
	if (me->opts & NEWUSER)
		map_root();
	if (tid == 1) {
		me->pid_max_fd = open(PID_MAX, O_RDWR | O_CLOEXEC);
		write_pid_max(me->pid_max_fd, me->pid_max);
	}
	if (!exits || (me->opts & THREAD))
		post(me->up);
	while (!exits && await(me->go)) {
		me->rc = perform(me);
		post(done);
	}
	return 0;
}

int first_worker(struct start *sp)
{
	sigset_t all;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	write_str(CGROUP "cgroup.procs", "0");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return worker(sp);
}
