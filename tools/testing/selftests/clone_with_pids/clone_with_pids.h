/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the clone_with_pids() tests share: the raw system call, pid sets,
 * nested pid namespaces, and what /proc tells of a child.
 */
#ifndef SELFTEST_CLONE_WITH_PIDS_H
#define SELFTEST_CLONE_WITH_PIDS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/clone_with_pids.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"

#ifndef __NR_clone_with_pids
#define __NR_clone_with_pids 499
#endif

/* <linux/pidfd.h> and <fcntl.h> do not go together. */
#ifndef PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE
#define PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE _IO(0xFF, 6)
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

/* A 64-bit program may use the x32 entry too: its number has this bit. */
#define X32_BIT 0x40000000

#define MAX_LEVELS 33		/* MAX_PID_NS_LEVEL counts from 0 */
#define DEPTH 3			/* levels of the usual nesting: see nest() */

static long call_nr = __NR_clone_with_pids;

/* As the system call, but a failure is the negative errno. */
static inline int clone_with_pids(unsigned long flags, void *stack, int *ptid,
				  int *ctid, unsigned long tls, const void *set)
{
	long rc = syscall(call_nr, flags, stack, ptid, ctid, tls, set);

	return rc < 0 ? -errno : rc;
}

/*
 * A child on a stack of its own. The kernel starts it with the stack pointer
 * at the very address that it was given, and what lies there says what to do.
 */
struct start {
	int (*fn)(struct start *stack_pointer);
	void *arg;
} __attribute__((aligned(16)));

struct clone_stack {
	char room[16384 - sizeof(struct start)];
	struct start top;
};

static __attribute__((used, noreturn)) void start_child(struct start *sp)
{
	syscall(SYS_exit, sp->fn(sp));
	__builtin_unreachable();
}

long raw_clone(long nr, const unsigned long args[6]);

#ifdef __x86_64__
asm(".pushsection .text\n"
	"raw_clone:\n"
	"	mov	%rdi, %rax\n"
	"	mov	(%rsi), %rdi\n"
	"	mov	16(%rsi), %rdx\n"
	"	mov	24(%rsi), %r10\n"
	"	mov	32(%rsi), %r8\n"
	"	mov	40(%rsi), %r9\n"
	"	mov	8(%rsi), %rsi\n"
	"	syscall\n"
	"	test	%rax, %rax\n"
	"	jz	1f\n"
	"	ret\n"
	"1:	xor	%ebp, %ebp\n"
	"	mov	%rsp, %rdi\n"
	"	call	start_child\n"
	".popsection\n");
#else
asm(".pushsection .text\n"
	"raw_clone:\n"
	"	push	%ebx\n"
	"	push	%esi\n"
	"	push	%edi\n"
	"	push	%ebp\n"
	"	mov	20(%esp), %eax\n"
	"	mov	24(%esp), %ebp\n"
	"	mov	(%ebp), %ebx\n"
	"	mov	4(%ebp), %ecx\n"
	"	mov	8(%ebp), %edx\n"
	"	mov	12(%ebp), %esi\n"
	"	mov	16(%ebp), %edi\n"
	"	mov	20(%ebp), %ebp\n"
	"	int	$0x80\n"
	"	test	%eax, %eax\n"
	"	jz	1f\n"
	"	pop	%ebp\n"
	"	pop	%edi\n"
	"	pop	%esi\n"
	"	pop	%ebx\n"
	"	ret\n"
	"1:	xor	%ebp, %ebp\n"
	"	mov	%esp, %eax\n"
	"	sub	$12, %esp\n"
	"	push	%eax\n"
	"	call	start_child\n"
	".popsection\n");
#endif

/* clone_with_pids() whose child runs @fn on @stack: for CLONE_VM. */
static inline int clone_on_stack(unsigned long flags, struct clone_stack *stack,
				 int *ptid, int *ctid, unsigned long tls,
				 const void *set,
				 int (*fn)(struct start *), void *arg)
{
	const unsigned long args[] = {
		flags, (unsigned long)&stack->top, (unsigned long)ptid,
		(unsigned long)ctid, tls, (unsigned long)set,
	};

	stack->top = (struct start){ .fn = fn, .arg = arg };
	return raw_clone(call_nr, args);
}

/* What such a child may share, to be made and gone quickly; what it may do. */
#define CHEAP (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND)

static inline int exit_at_once(struct start *sp)
{
	return 0;
}

static inline int stay(struct start *sp)
{
	while (syscall(SYS_pause))
		;
	return 0;
}

/* What choosing a pid needs of the kernel's struct clone_args. */
struct clone3_args {
	__aligned_u64 flags;
	__aligned_u64 pidfd;
	__aligned_u64 child_tid;
	__aligned_u64 parent_tid;
	__aligned_u64 exit_signal;
	__aligned_u64 stack;
	__aligned_u64 stack_size;
	__aligned_u64 tls;
	__aligned_u64 set_tid;
	__aligned_u64 set_tid_size;
};

/* clone3(), whose pids go from the youngest to the oldest. */
static inline int clone3_set_tid(__u64 flags, const pid_t *set_tid, size_t n)
{
	const struct clone3_args args = {
		.flags = flags,
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = n,
	};
	long rc = syscall(__NR_clone3, &args, sizeof(args));

	return rc < 0 ? -errno : rc;
}

/* struct pid_set with room: for tables, and to build sets of any length. */
struct any_set {
	__u32 num_pids;
	__kernel_pid_t pids[MAX_LEVELS + 1];
};

static_assert(offsetof(struct any_set, pids) == sizeof(struct pid_set),
	      "struct any_set is a struct pid_set");

/* SET(0, 99, 177): the pids from the oldest namespace to the youngest */
#define SET(...) (&(const struct any_set) {				\
	.num_pids = sizeof((int[]){ __VA_ARGS__ }) / sizeof(int),	\
	.pids = { __VA_ARGS__ } })

/* What a process is called in each namespace, that of /proc first. */
struct nspid {
	int n;
	pid_t pid[MAX_LEVELS];
};

static inline long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static inline void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		_exit(KSFT_FAIL);
	}
	return p;
}

/* Reads the NSpid line of @status, a file in /proc; plain system calls only. */
static inline struct nspid read_nspid(const char *status)
{
	struct nspid ids = {};
	char buf[4096], *p;
	int fd, len;

	fd = open(status, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ids;
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[len > 0 ? len : 0] = '\0';
	p = strstr(buf, "\nNSpid:");
	if (!p)
		return ids;
	for (p += strlen("\nNSpid:"); *p == '\t'; ids.n++)
		ids.pid[ids.n] = strtol(p + 1, &p, 10);
	return ids;
}

/* Waits for @pid, of whatever exit signal: its exit status, or 128 + signal. */
static inline int wait_exit(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Where children write down what they are called. */
static struct nspid *report;

static inline void report_and_exit(int status)
{
	*report = read_nspid("/proc/self/status");
	_exit(status);
}

/* Creates a child, which exits at once: its pid, and in @ids all its pids. */
static inline int spawn(unsigned long flags, const void *set, struct nspid *ids)
{
	int pid;

	if (!report)
		report = shared(sizeof(*report));
	report->n = 0;
	pid = clone_with_pids(flags | SIGCHLD, NULL, NULL, NULL, 0, set);
	if (!pid)
		report_and_exit(42);
	if (pid > 0 && wait_exit(pid) != 42)
		pid = -ECHILD;
	*ids = *report;
	return pid;
}

/* The same with fork(): what it is called everywhere. */
static inline struct nspid plain_fork(void)
{
	pid_t pid;

	if (!report)
		report = shared(sizeof(*report));
	report->n = 0;
	pid = fork();
	if (!pid)
		report_and_exit(0);
	if (pid > 0)
		wait_exit(pid);
	return *report;
}

/*
 * The caller is killed when @parent dies, which may have happened already. A
 * parent in another pid namespace looks like 0.
 */
static inline void die_with(pid_t parent)
{
	pid_t now;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	now = getppid();
	if (now && now != parent)
		_exit(KSFT_FAIL);
}

/*
 * A child that holds @set until it, or its parent, is killed. It is waited for
 * until that is so.
 */
static inline int hold(const void *set)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -errno;
	pid = clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, set);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(ready[1], "", 1) != 1)
			_exit(KSFT_FAIL);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &c, 1) != 1)
		fprintf(stderr, "%d does not hold its pids\n", pid);
	close(ready[0]);
	return pid;
}

static inline void let_go(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_exit(pid);
}

/*
 * The child goes on with the test, its parent waits and leaves with the same
 * status. If the parent is killed, so is the child, and if it is a namespace's
 * init, all that is below.
 */
static inline void go_on_as_child(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	int status;

	if (pid < 0) {
		perror("fork");
		_exit(KSFT_FAIL);
	}
	if (!pid) {
		die_with(parent);
		return;
	}
	status = wait_exit(pid);
	_exit(status < 0 ? KSFT_FAIL : status);
}

#define PID_MAX		"/proc/sys/kernel/pid_max"
#define NS_LAST_PID	"/proc/sys/kernel/ns_last_pid"
#define CGROUP_ROOT	"/sys/fs/cgroup/"
#define CGROUP		CGROUP_ROOT "clone_with_pids_test/"

static inline int read_int(const char *path)
{
	FILE *f = fopen(path, "re");
	int val;

	if (!f)
		return -errno;
	if (fscanf(f, "%d", &val) != 1)
		val = -EIO;
	fclose(f);
	return val;
}

static inline int write_str(const char *path, const char *str)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = fd < 0 || write(fd, str, strlen(str)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static inline int write_int(const char *path, int val)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%d", val);
	return write_str(path, buf);
}

static inline void must_unshare(int flags)
{
	if (unshare(flags)) {
		perror("unshare");
		_exit(KSFT_FAIL);
	}
}

/* The same, and in a new user namespace the caller is the user it was before. */
static inline void must_unshare_as_same_user(int flags)
{
	const int uid = geteuid(), gid = getegid();
	char uid_map[32], gid_map[32];

	must_unshare(flags);
	if (!(flags & CLONE_NEWUSER))
		return;
	snprintf(uid_map, sizeof(uid_map), "%d %d 1", uid, uid);
	snprintf(gid_map, sizeof(gid_map), "%d %d 1", gid, gid);
	if (write_str("/proc/self/uid_map", uid_map) ||
	    write_str("/proc/self/setgroups", "deny") ||
	    write_str("/proc/self/gid_map", gid_map)) {
		fprintf(stderr, "cannot map user %d, group %d\n", uid, gid);
		_exit(KSFT_FAIL);
	}
}

/*
 * Once the kernel's search for a free pid has passed RESERVED_PIDS (300), it
 * does not go below again. Here it has, as on a machine that is up for a while.
 */
static inline void pass_reserved_pids(void)
{
	if (read_int(NS_LAST_PID) < 1000)
		write_int(NS_LAST_PID, 1000);
}

/*
 * On newer kernels each pid namespace has its own pid_max, and only its members
 * can open the file. The namespaces made here are given that of their parent,
 * and the files stay open, so that it can be changed at all levels.
 */
struct pid_max_files {
	int n;
	int fd[MAX_LEVELS];
};

static struct pid_max_files pid_max_files;

static inline void add_pid_max_file(void)
{
	struct pid_max_files *files = &pid_max_files;

	files->fd[files->n++] = open(PID_MAX, O_RDWR | O_CLOEXEC);
}

/* In the namespace that the caller started in, and in those made since. */
static inline int set_pid_max(int pid_max)
{
	int i, len, err = 0;
	char text[16];

	if (!pid_max_files.n)
		add_pid_max_file();
	len = snprintf(text, sizeof(text), "%d", pid_max);
	for (i = 0; i < pid_max_files.n; i++) {
		/* What is not written at the beginning is ignored. */
		if (pwrite(pid_max_files.fd[i], text, len, 0) != len)
			err = -errno;
	}
	return err;
}

/* The caller becomes the init of a new pid namespace. */
static inline void nest_as_init(void)
{
	int pid_max = read_int(PID_MAX);

	if (!pid_max_files.n)
		add_pid_max_file();
	must_unshare(CLONE_NEWPID);
	go_on_as_child();
	add_pid_max_file();
	write_int(PID_MAX, pid_max);
	pass_reserved_pids();
}

/*
 * Moves the caller @depth pid namespaces down, where it is no init:
 *
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller
 */
static inline void nest(int depth)
{
	while (depth--)
		nest_as_init();
	go_on_as_child();
}

/*
 * Lets the caller's children be born @depth pid namespaces down, while the
 * caller stays where it is:
 *
 *   oldest                      middle       youngest
 *   caller . . . . . . . . . . . . . . . . . children
 *        `---> helper       --> init     --> init --> helper
 *
 * Returns the caller's name for the youngest namespace's init.
 */
static inline pid_t nest_children(int depth)
{
	struct nspid *init = shared(sizeof(*init));
	struct pid_max_files *files = shared(sizeof(*files));
	int fds[2], fd, pidfd, i;
	pid_t pid, parent = getpid();
	char path[64];
	char c;

	if (pipe(fds))
		_exit(KSFT_FAIL);
	pid = fork();
	if (pid < 0)
		_exit(KSFT_FAIL);
	if (!pid) {
		die_with(parent);
		while (depth--)
			nest_as_init();
		*init = read_nspid("/proc/self/status");
		*files = pid_max_files;
		if (write(fds[1], "", 1) != 1)
			_exit(KSFT_FAIL);
		for (;;)
			pause();
	}
	close(fds[1]);
	if (read(fds[0], &c, 1) != 1)
		_exit(KSFT_FAIL);
	close(fds[0]);
	pidfd = syscall(SYS_pidfd_open, init->pid[0], 0);
	for (i = 0; i < files->n; i++)
		files->fd[i] = syscall(SYS_pidfd_getfd, pidfd, files->fd[i], 0);
	close(pidfd);
	pid_max_files = *files;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", init->pid[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWPID)) {
		perror(path);
		_exit(KSFT_FAIL);
	}
	close(fd);
	return init->pid[0];
}

/*
 * The pid namespace that children of @tid are born in, to be entered by
 * setns(). It may lack an init: /proc/PID/ns/pid_for_children does not show it
 * before it has one.
 */
static inline int ns_for_children(pid_t tid)
{
	int pidfd = syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
	int fd = ioctl(pidfd, PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE, 0);

	if (fd < 0) {
		perror("PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE");
		_exit(KSFT_FAIL);
	}
	close(pidfd);
	return fd;
}

/*
 * Pid namespaces one in another. Each has an init that does nothing, but for
 * the last one: it has none yet. For callers in the namespace of /proc.
 *
 *   0             1                 last - 1   last
 *   caller
 *     `-> helper --> init --> ... --> init . . .
 */
struct chain {
	int last;
	pid_t init[MAX_LEVELS];		/* as the caller sees them; 0: helper */
	int ns[MAX_LEVELS];		/* for setns() */
};

static inline void __attribute__((noreturn))
add_inits(pid_t parent, pid_t *init, int last, int ready)
{
	int level = 0;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);	/* so that a killed init is reaped */
	do {
		die_with(parent);
		init[level] = read_nspid("/proc/self/status").pid[0];
		must_unshare(CLONE_NEWPID);
		pid = ++level < last ? fork() : -1;
	} while (!pid);

	if (level == last && write(ready, "", 1) != 1)
		_exit(KSFT_FAIL);
	close(ready);
	for (;;)
		pause();
}

static inline void make_chain(struct chain *chain, int last)
{
	pid_t *init = shared(sizeof(chain->init));
	int fds[2], level;
	pid_t pid, parent = getpid();
	char c;

	if (pipe(fds))
		_exit(KSFT_FAIL);
	pid = fork();
	if (!pid)
		add_inits(parent, init, last, fds[1]);
	close(fds[1]);
	if (pid < 0 || read(fds[0], &c, 1) != 1) {
		fprintf(stderr, "cannot make %d pid namespaces\n", last);
		_exit(KSFT_FAIL);
	}
	close(fds[0]);

	chain->last = last;
	memcpy(chain->init, init, sizeof(chain->init));
	munmap(init, sizeof(chain->init));
	chain->ns[0] = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	for (level = 1; level <= last; level++)
		chain->ns[level] = ns_for_children(chain->init[level - 1]);
}

/*
 * A call that waits in the kernel, where the child's pidfd is to be stored,
 * until finish_call(): in a process of its own, which shares the caller's
 * memory and files. userfaultfd(2) makes it wait.
 */
struct stalled_call {
	long nr;			/* or that of clone() */
	const void *set;
	int ns;				/* a pid namespace to enter before */
	struct nspid ids;		/* the child's pids */
	int pidfd;			/* what was stored */

	int uffd;
	int *page;			/* where the pidfd is to be stored */
	int go[2];
	pid_t caller;
	int result;
	struct clone_stack stack, child_stack;
};

static inline int tell_ids(struct start *sp)
{
	struct stalled_call *call = sp->arg;

	call->ids = read_nspid("/proc/self/status");
	return 0;
}

static inline int wait_and_call(struct start *sp)
{
	struct stalled_call *call = sp->arg;
	const unsigned long args[] = {
		CLONE_VM | CLONE_FILES | CLONE_PIDFD | SIGCHLD,
		(unsigned long)&call->child_stack.top,
		(unsigned long)call->page, 0, 0, (unsigned long)call->set,
	};
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	call->child_stack.top = (struct start){ .fn = tell_ids, .arg = call };
	if (call->ns && setns(call->ns, CLONE_NEWPID))
		return KSFT_FAIL;
	if (read(call->go[0], &c, 1) != 1)
		return KSFT_FAIL;
	call->result = raw_clone(call->nr, args);
	return call->result > 0 ? wait_exit(call->result) : 0;
}

/* The process is made before, for it takes pids itself. */
static inline struct stalled_call *prepare_call(long nr, const void *set, int ns)
{
	struct stalled_call *call = shared(sizeof(*call));
	const unsigned long args[6] = {
		CLONE_VM | CLONE_FILES | SIGCHLD, (unsigned long)&call->stack.top,
	};

	call->nr = nr;
	call->set = set;
	call->ns = ns;
	call->page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	call->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	call->stack.top = (struct start){ .fn = wait_and_call, .arg = call };
	if (call->page == MAP_FAILED || call->uffd < 0 || pipe(call->go))
		return NULL;
	call->caller = raw_clone(SYS_clone, args);
	return call->caller > 0 ? call : NULL;
}

/* Lets it call, and waits until the kernel waits: false if it does not. */
static inline bool stall_call(struct stalled_call *call)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (unsigned long)call->page, sysconf(_SC_PAGESIZE) },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct pollfd pfd = { .fd = call->uffd, .events = POLLIN };
	struct uffd_msg msg;

	return !ioctl(call->uffd, UFFDIO_API, &api) &&
	       !ioctl(call->uffd, UFFDIO_REGISTER, &reg) &&
	       write(call->go[1], "", 1) == 1 &&
	       poll(&pfd, 1, 10000) == 1 &&
	       read(call->uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

/* Lets the pidfd be stored, or fail with EFAULT. Returns what the call does. */
static inline int finish_call(struct stalled_call *call, bool store)
{
	struct uffdio_range range = {
		(unsigned long)call->page, sysconf(_SC_PAGESIZE)
	};

	if (!store)
		munmap(call->page, range.len);
	ioctl(call->uffd, store ? UFFDIO_UNREGISTER : UFFDIO_WAKE, &range);
	if (wait_exit(call->caller))
		return -ECHILD;
	if (store) {
		call->pidfd = *call->page;
		munmap(call->page, range.len);
	}
	close(call->uffd);
	close(call->go[0]);
	close(call->go[1]);
	return call->result;
}

static inline const char *lacks_userfaultfd(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return "kernel without CONFIG_USERFAULTFD";
	close(fd);
	return NULL;
}

/*
 * A number that nobody uses in the namespace of /proc, half a turn away from
 * those that the kernel is about to give there, and far beyond those in use in
 * the namespaces that tests make. The first use must be up there.
 */
static inline pid_t free_pid(void)
{
	static pid_t next;
	char path[32];

	if (!next) {
		next = getpid() + 16384;
		if (next > 28000)
			next -= 24000;
	}
	do {
		snprintf(path, sizeof(path), "/proc/%d", ++next);
	} while (!access(path, F_OK));
	return next;
}

static inline void free_pids(pid_t *pids, int n)
{
	while (n--)
		*pids++ = free_pid();
}

/* How many pid namespaces the caller's next child will live in. */
static inline int levels(void)
{
	struct any_set set = { .num_pids = MAX_LEVELS };
	struct nspid ids;

	while (set.num_pids && spawn(0, &set, &ids) == -EINVAL)
		set.num_pids--;
	return set.num_pids;
}

/* Leaves the caller's effective capabilities as they are in @keep. */
static inline void keep_caps(__u64 keep)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (!syscall(SYS_capget, &hdr, data)) {
		data[0].effective = data[0].permitted & (__u32)keep;
		data[1].effective = data[1].permitted & (__u32)(keep >> 32);
		if (!syscall(SYS_capset, &hdr, data))
			return;
	}
	perror("keep_caps");
	_exit(KSFT_FAIL);
}

#define CAP_BIT(cap)	(1ULL << (cap))

/*
 * Selects the entry of number @nr, and says what the kernel lacks for it: the
 * tests are skipped then; qemu/ makes failures of skips where the tree has the
 * call. The probe cannot make a child, for UINT_MAX pids are too many anywhere.
 */
static inline const char *lacks_call(long nr)
{
	const __u32 probe = UINT_MAX;

	call_nr = nr;
	if ((nr & X32_BIT) && syscall(X32_BIT | SYS_getpid) < 0)
		return "kernel without CONFIG_X86_X32_ABI";
	if (clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, &probe) != -ENOSYS)
		return NULL;
	return "kernel without CONFIG_CLONE_WITH_PIDS";
}

/* SKIP_IF(return, lacks_call(nr)): skips the test if anything is lacking. */
#define SKIP_IF(statement, lacks) do {					\
	const char *missing = (lacks);					\
									\
	if (missing)							\
		SKIP(statement, "%s", missing);				\
} while (0)

/* A fixture with a variant for each ABI, whose number of the call is .nr. */
#define FIXTURE_VARIANT_NATIVE(fixture)					\
	FIXTURE_VARIANT(fixture) {					\
		long nr;						\
	};								\
	FIXTURE_VARIANT_ADD(fixture, native) {				\
		.nr = __NR_clone_with_pids				\
	}

#ifdef __x86_64__
#define FIXTURE_VARIANT_EACH_ABI(fixture)				\
	FIXTURE_VARIANT_NATIVE(fixture);				\
	FIXTURE_VARIANT_ADD(fixture, x32) {				\
		.nr = X32_BIT | __NR_clone_with_pids			\
	}
#else
#define FIXTURE_VARIANT_EACH_ABI FIXTURE_VARIANT_NATIVE
#endif

#ifdef __x86_64__
/* The 32-bit entry, used by a 64-bit program: arguments are cut to 32 bits. */
static inline int int80(unsigned int nr, unsigned long a1, unsigned long a2,
			unsigned long a3, unsigned long a4, unsigned long a5,
			unsigned long a6)
{
	register unsigned long r10 asm("r10") = a6;
	int rc;

	/* out of the red zone, and with %rbp as an argument */
	asm volatile("sub $128, %%rsp; push %%rbp; mov %%r10, %%rbp\n\t"
		     "int $0x80\n\t"
		     "pop %%rbp; add $128, %%rsp"
		     : "=a"(rc)
		     : "a"(nr), "b"(a1), "c"(a2), "d"(a3), "S"(a4), "D"(a5),
		       "r"(r10)
		     : "memory", "r8", "r9", "r11", "cc");
	return rc;
}

/* Without the entry, the instruction is a fault. */
static inline const char *lacks_int80(void)
{
	const unsigned int nr_getpid = 20;
	pid_t pid = fork();

	if (!pid)
		_exit(int80(nr_getpid, 0, 0, 0, 0, 0, 0) != getpid());
	return wait_exit(pid) ? "kernel without CONFIG_IA32_EMULATION" : NULL;
}
#endif

#endif /* SELFTEST_CLONE_WITH_PIDS_H */
