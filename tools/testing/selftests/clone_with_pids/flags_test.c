// SPDX-License-Identifier: GPL-2.0
/*
 * clone() in everything but the pids: each flag, the stack, the exit signal and
 * what a tracer sees, in a child whose pids were chosen at three levels.
 */
#include <dirent.h>
#include <poll.h>
#include <asm/ldt.h>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "proc.h"
#include "util.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | \
		      CLONE_THREAD | CLONE_SYSVSEM)

/*
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller --> child
 */
FIXTURE(flags)
{
	struct any_set set;
	pid_t pid;		/* what the set asks for where the caller is */
	struct nspid self;
	struct clone_stack *stack;
};

FIXTURE_VARIANT_EACH_ABI(flags);

FIXTURE_SETUP(flags)
{
	SKIP_IF(return, lacks_call(variant->nr));
	self->set.num_pids = DEPTH;
	free_pids(self->set.pids, DEPTH);
	self->pid = self->set.pids[DEPTH - 1];
	nest(DEPTH - 1);
	self->self = read_nspid("/proc/self/status");
	self->stack = shared(sizeof(*self->stack));
}

FIXTURE_TEARDOWN(flags)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

static void expect_set(struct __test_metadata *const _metadata,
		       FIXTURE_DATA(flags) *self, const struct nspid *ids)
{
	int i;

	ASSERT_EQ(DEPTH, ids->n);
	for (i = 0; i < DEPTH; i++)
		EXPECT_EQ(self->set.pids[i], ids->pid[i]);
}

/* Sleeps while *@word is @val. */
static void futex_wait(int *word, int val)
{
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == val)
		syscall(SYS_futex, word, FUTEX_WAIT, val, NULL, NULL, 0);
}

static void futex_post(int *word, int val)
{
	__atomic_store_n(word, val, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

struct thread {
	int go, started;
	int ptid, ctid, ctid_seen;
	pid_t pid, tid;
};

static int thread_fn(struct start *sp)
{
	struct thread *t = sp->arg;

	t->pid = syscall(SYS_getpid);
	t->tid = syscall(SYS_gettid);
	t->ctid_seen = t->ctid;
	futex_post(&t->started, 1);
	futex_wait(&t->go, 0);
	return 0;
}

/* The tid is chosen, and /proc shows it. */
TEST_F(flags, thread)
{
	struct thread t = {};
	struct nspid ids;
	struct dirent *d;
	bool found = false;
	char path[64];
	int tid, i;
	DIR *dir;

	tid = clone_on_stack(THREAD_FLAGS | CLONE_PARENT_SETTID |
			     CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
			     self->stack, &t.ptid, &t.ctid, 0,
			     &self->set, thread_fn, &t);
	ASSERT_EQ(self->pid, tid);
	futex_wait(&t.started, 0);
	EXPECT_EQ(self->pid, t.tid);
	EXPECT_EQ(getpid(), t.pid);
	EXPECT_EQ(self->pid, t.ptid);
	EXPECT_EQ(self->pid, t.ctid_seen);

	dir = opendir("/proc/self/task");
	ASSERT_TRUE(!!dir);
	for (i = 0; (d = readdir(dir));) {
		if (d->d_name[0] == '.')
			continue;
		i++;
		found |= atoi(d->d_name) == self->set.pids[0];
	}
	closedir(dir);
	EXPECT_EQ(2, i);
	EXPECT_TRUE(found);
	snprintf(path, sizeof(path), "/proc/self/task/%d/status",
		 self->set.pids[0]);
	ids = read_nspid(path);
	expect_set(_metadata, self, &ids);

	/* not our child, and in use */
	EXPECT_EQ(-ECHILD, wait_exit(tid));
	EXPECT_EQ(-EBUSY, spawn(0, &self->set, &ids));
	futex_post(&t.go, 1);
	futex_wait(&t.ctid, tid);
	EXPECT_EQ(0, t.ctid);
}

TEST_F(flags, settid_and_cleartid)
{
	int *tids = shared(2 * sizeof(*tids));
	int ptid = -1, pid;

	tids[0] = -1;
	pid = clone_with_pids(SIGCHLD | CLONE_PARENT_SETTID |
			      CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
			      NULL, &ptid, tids, 0, &self->set);
	if (!pid) {
		tids[1] = tids[0];
		/* this one is written when the memory has been copied */
		_exit(ptid != -1);
	}
	ASSERT_EQ(self->pid, pid);
	EXPECT_EQ(self->pid, ptid);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(self->pid, tids[1]);

	/* cleared only where the memory is shared with others */
	EXPECT_EQ(self->pid, tids[0]);
}

/* Without the flags, the pointers are not looked at. */
TEST_F(flags, pointers_without_their_flags)
{
	int ptid = -1, ctid = -1, pid;

	pid = clone_with_pids(SIGCHLD, NULL, &ptid, &ctid, ~0UL, &self->set);
	if (!pid)
		_exit(ctid != -1);
	ASSERT_EQ(self->pid, pid);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(-1, ptid);
	EXPECT_EQ(-1, ctid);
	pid = clone_with_pids(SIGCHLD, NULL, (int *)1, (int *)1, 1, &self->set);
	if (!pid)
		_exit(0);
	EXPECT_EQ(self->pid, pid);
	EXPECT_EQ(0, wait_exit(pid));
}

TEST_F(flags, pidfd)
{
	struct pollfd pfd = { .fd = -1, .events = POLLIN };
	siginfo_t info = {};
	char path[64];
	FILE *f;
	int pid;

	pid = clone_with_pids(SIGCHLD | CLONE_PIDFD, NULL, &pfd.fd, NULL, 0,
			      &self->set);
	if (!pid) {
		pause();
		_exit(1);
	}
	ASSERT_EQ(self->pid, pid);
	ASSERT_LE(0, pfd.fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(pfd.fd, F_GETFD));

	/* It says which process it is, as /proc sees it. */
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pfd.fd);
	f = fopen(path, "re");
	ASSERT_TRUE(!!f);
	do {
		ASSERT_TRUE(!!fgets(path, sizeof(path), f));
	} while (strncmp(path, "Pid:", 4));
	fclose(f);
	EXPECT_EQ(self->set.pids[0], atoi(path + 4));

	EXPECT_EQ(0, poll(&pfd, 1, 0));
	EXPECT_EQ(0, syscall(SYS_pidfd_send_signal, pfd.fd, SIGKILL, NULL, 0));
	EXPECT_EQ(1, poll(&pfd, 1, 5000));
	EXPECT_EQ(0, waitid(P_PIDFD, pfd.fd, &info, WEXITED));
	EXPECT_EQ(self->pid, info.si_pid);
	EXPECT_EQ(SIGKILL, info.si_status);
	close(pfd.fd);
}

TEST_F(flags, pidfd_of_a_thread)
{
	struct pollfd pfd = { .fd = -1, .events = POLLIN };
	struct thread t = {};
	int tid;

	tid = clone_on_stack(THREAD_FLAGS | CLONE_PIDFD, self->stack, &pfd.fd,
			     NULL, 0, &self->set, thread_fn, &t);
	ASSERT_EQ(self->pid, tid);
	EXPECT_EQ(PIDFD_THREAD, fcntl(pfd.fd, F_GETFL) & PIDFD_THREAD);
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	futex_post(&t.go, 1);
	EXPECT_EQ(1, poll(&pfd, 1, 5000));
}

/* Both return through the same pointer. */
TEST_F(flags, pidfd_with_parent_settid)
{
	int fd = -1;

	EXPECT_EQ(-EINVAL, clone_with_pids(SIGCHLD | CLONE_PIDFD |
					   CLONE_PARENT_SETTID, NULL, &fd,
					   NULL, 0, &self->set));
	EXPECT_EQ(-1, fd);
}

/* What clone() refuses, with and without a set */
TEST_F(flags, EINVAL_as_clone)
{
#define ROW(flags) { #flags, flags }
	static const struct {
		const char *name;
		unsigned long flags;
	} bad[] = {
		ROW(CLONE_THREAD),
		ROW(CLONE_THREAD | CLONE_SIGHAND),
		ROW(CLONE_SIGHAND),
		ROW(CLONE_NEWNS | CLONE_FS),
		ROW(CLONE_NEWUSER | CLONE_FS),
		ROW(CLONE_PIDFD | CLONE_DETACHED),
		ROW(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWPID),
		ROW(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER),
	};
#undef ROW
	struct nspid ids;
	int i, fd;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const unsigned long flags = bad[i].flags | SIGCHLD;

		errno = 0;
		EXPECT_EQ(-1, syscall(SYS_clone, flags, NULL, &fd, NULL, NULL)) {
			TH_LOG("clone: %s", bad[i].name);
		}
		EXPECT_EQ(EINVAL, errno) {
			TH_LOG("clone: %s", bad[i].name);
		}
		EXPECT_EQ(-EINVAL, clone_with_pids(flags, NULL, &fd, NULL, 0,
						   NULL)) {
			TH_LOG("%s", bad[i].name);
		}
		EXPECT_EQ(-EINVAL, clone_with_pids(flags, NULL, &fd, NULL, 0,
						   &self->set)) {
			TH_LOG("with a set: %s", bad[i].name);
		}
	}
	EXPECT_EQ(self->pid, spawn(0, &self->set, &ids));
}

static int vfork_fn(struct start *sp)
{
	int *done = sp->arg;

	usleep(50000);
	*done = syscall(SYS_getpid);
	return 5;
}

TEST_F(flags, vfork)
{
	int done = 0;
	int pid;

	/* The caller sleeps until the child has done with its memory. */
	pid = clone_on_stack(CLONE_VM | CLONE_VFORK | SIGCHLD, self->stack,
			     NULL, NULL, 0, &self->set, vfork_fn, &done);
	EXPECT_EQ(self->pid, done);
	ASSERT_EQ(self->pid, pid);
	EXPECT_EQ(5, wait_exit(pid));
}

TEST_F(flags, parent)
{
	struct nspid *ids = shared(sizeof(*ids));
	pid_t test = getpid(), middleman;
	int pid;

	middleman = fork();
	if (!middleman) {
		pid = clone_with_pids(SIGCHLD | CLONE_PARENT, NULL, NULL, NULL,
				      0, &self->set);
		if (!pid) {
			*ids = read_nspid("/proc/self/status");
			_exit(getppid() != test);
		}
		_exit(pid != self->pid || wait_exit(-1) != -ECHILD);
	}
	EXPECT_EQ(0, wait_exit(middleman));
	EXPECT_EQ(0, wait_exit(self->pid));
	expect_set(_metadata, self, ids);
}

/* A namespace's init must not have siblings. */
TEST_F(flags, parent_by_init)
{
	pid_t init;

	must_unshare(CLONE_NEWPID);
	init = fork();
	if (!init)
		_exit(clone_with_pids(SIGCHLD | CLONE_PARENT, NULL, NULL, NULL,
				      0, SET(self->pid)) != -EINVAL);
	EXPECT_EQ(0, wait_exit(init));
}

/*
 * 64-bit and x32: the address itself; 32-bit: a struct user_desc for it. The
 * selectors stay as they are, so the child has the base from the start.
 */
static int read_tls(struct start *sp)
{
	long *seen = sp->arg;

#ifdef __x86_64__
	asm volatile("mov %%fs:0, %0" : "=r"(*seen));
#else
	asm volatile("movl %%gs:0, %0" : "=r"(*seen));
#endif
	/* no call of the C library's may be made with this TLS */
	return 0;
}

static int read_tls_and_exit(struct start *sp)
{
	int rc = read_tls(sp);

#ifdef __x86_64__
	asm volatile("syscall" : : "a"(SYS_exit), "D"(rc) : "rcx", "r11");
#else
	asm volatile("int $0x80" : : "a"(SYS_exit), "b"(rc));
#endif
	__builtin_unreachable();
}

TEST_F(flags, settls)
{
	long tls[64] = { 0x12345678 }, seen = 0, mine = 0;
	unsigned long arg = (unsigned long)tls;
	struct start sp = { .arg = &mine };
	int pid;
#ifdef __i386__
	struct user_desc desc = {
		.base_addr = arg,
		.limit = 0xfffff,
		.seg_32bit = 1,
		.limit_in_pages = 1,
		.useable = 1,
	};
	unsigned short gs;

	asm("mov %%gs, %0" : "=r"(gs));
	desc.entry_number = gs >> 3;
	arg = (unsigned long)&desc;
#endif
	read_tls(&sp);
	ASSERT_NE(tls[0], mine);
	pid = clone_on_stack(CLONE_VM | CLONE_SETTLS | SIGCHLD, self->stack,
			     NULL, NULL, arg, &self->set, read_tls_and_exit,
			     &seen);
	ASSERT_EQ(self->pid, pid);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(tls[0], seen);

	/* Without the flag, the argument means nothing. */
	pid = clone_on_stack(CLONE_VM | SIGCHLD, self->stack, NULL, NULL, arg,
			     &self->set, read_tls_and_exit, &seen);
	ASSERT_EQ(self->pid, pid);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(mine, seen);
}

/* As clone(): an address that cannot be a TLS is refused. */
TEST_F(flags, settls_bad)
{
#ifdef __x86_64__
	const unsigned long bad = 1UL << 63;
	const int err = -EPERM;
#else
	const unsigned long bad = 1;
	const int err = -EFAULT;
#endif
	struct nspid ids;

	EXPECT_EQ(err, clone_with_pids(SIGCHLD | CLONE_SETTLS, NULL, NULL,
				       NULL, bad, &self->set));
	EXPECT_EQ(self->pid, spawn(0, &self->set, &ids));
}

static int own_address(struct start *sp)
{
	*(struct start **)sp->arg = sp;
	return 0;
}

/* The child starts with the very stack pointer that was given: no size. */
TEST_F(flags, stack_pointer)
{
	struct start *seen = NULL;
	int pid = clone_on_stack(CLONE_VM | SIGCHLD, self->stack, NULL, NULL,
				 0, &self->set, own_address, &seen);

	ASSERT_EQ(self->pid, pid);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_TRUE(seen == &self->stack->top);
}

/* Any signal in the low byte, or none. */
TEST_F(flags, exit_signal)
{
	const int signals[] = { SIGUSR1, SIGRTMAX - 1, SIGCHLD, 0 };
	const struct timespec now = {};
	siginfo_t info;
	sigset_t all, old;
	int i, pid;

	sigfillset(&all);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &all, &old));
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		int sig = signals[i];

		memset(&info, 0, sizeof(info));
		pid = clone_with_pids(sig, NULL, NULL, NULL, 0, &self->set);
		if (!pid)
			_exit(0);
		ASSERT_EQ(self->pid, pid) {
			TH_LOG("signal %d", sig);
		}
		/* A "clone child" is one with a signal other than SIGCHLD. */
		EXPECT_EQ(-1, waitid(P_PID, pid, &info, WEXITED | WNOWAIT |
				     (sig == SIGCHLD ? __WCLONE : 0)));
		EXPECT_EQ(ECHILD, errno);
		EXPECT_EQ(0, waitid(P_PID, pid, &info, WEXITED | WNOWAIT |
				    (sig == SIGCHLD ? 0 : __WCLONE)));
		EXPECT_EQ(0, wait_exit(pid));
		memset(&info, 0, sizeof(info));
		EXPECT_EQ(sig ?: -1, sigtimedwait(&all, &info, &now)) {
			TH_LOG("signal %d", sig);
		}
		if (sig)
			EXPECT_EQ(self->pid, info.si_pid);
	}
	EXPECT_EQ(0, sigprocmask(SIG_SETMASK, &old, NULL));
}

static void on_usr1(int sig)
{
}

#ifdef __x86_64__
/* Bits that only clone3() knows (or nobody does) are ignored, as in clone(). */
TEST_F(flags, above_32_bits)
{
	static const unsigned long bits[] = {
		1UL << 32,		/* CLONE_CLEAR_SIGHAND */
		1UL << 33,		/* CLONE_INTO_CGROUP */
		1UL << 34, 1UL << 63, 0xffffffff00000000,
	};
	int i, pid;

	signal(SIGUSR1, on_usr1);
	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		pid = clone_with_pids(bits[i] | SIGCHLD, NULL, NULL, NULL, 0,
				      &self->set);
		if (!pid)
			_exit(signal(SIGUSR1, SIG_DFL) != on_usr1);
		ASSERT_EQ(self->pid, pid);
		EXPECT_EQ(0, wait_exit(pid));
	}
	signal(SIGUSR1, SIG_DFL);
}
#endif

/* The sign bit of flags is CLONE_IO, and nothing gets lost with it. */
TEST_F(flags, sign_bit)
{
	struct nspid ids;

	EXPECT_EQ(self->pid, spawn(CLONE_IO, &self->set, &ids));
	EXPECT_EQ(self->pid, spawn((unsigned long)(int)CLONE_IO, &self->set,
				   &ids));
	expect_set(_metadata, self, &ids);
}

static int share_fn(struct start *sp)
{
	signal(SIGUSR1, on_usr1);
	close(*(int *)sp->arg);
	return chdir("/proc");
}

/* Only what the flags say is shared. */
TEST_F(flags, sharing)
{
	char cwd[64];
	int fd, pid;

	ASSERT_EQ(0, chdir("/"));
	fd = dup(1);
	pid = clone_on_stack(CLONE_VM | CLONE_VFORK | SIGCHLD, self->stack,
			     NULL, NULL, 0, &self->set, share_fn, &fd);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_STREQ("/", getcwd(cwd, sizeof(cwd)));
	EXPECT_LE(0, fcntl(fd, F_GETFD));
	EXPECT_TRUE(signal(SIGUSR1, SIG_DFL) == SIG_DFL);

	pid = clone_on_stack(CLONE_VM | CLONE_VFORK | CLONE_FS | CLONE_FILES |
			     CLONE_SIGHAND | SIGCHLD, self->stack, NULL, NULL,
			     0, &self->set, share_fn, &fd);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_STREQ("/proc", getcwd(cwd, sizeof(cwd)));
	EXPECT_EQ(-1, fcntl(fd, F_GETFD));
	EXPECT_TRUE(signal(SIGUSR1, SIG_DFL) == on_usr1);
}

/* Which event a tracer gets for which kind of child, and the pid it is told */
TEST_F(flags, ptrace_events)
{
	static const struct {
		const char *name;
		unsigned long flags;
		int event;
	} kinds[] = {
		{ "SIGCHLD", SIGCHLD, PTRACE_EVENT_FORK },
		{ "CLONE_VFORK", CLONE_VFORK | SIGCHLD, PTRACE_EVENT_VFORK },
		{ "no exit signal", 0, PTRACE_EVENT_CLONE },
		{ "SIGUSR1", SIGUSR1, PTRACE_EVENT_CLONE },
		{ "CLONE_UNTRACED", CLONE_UNTRACED | SIGCHLD, 0 },
	};
	int i, status;

	/* The children of killed callers must be reaped to free the pids. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		unsigned long msg = 0;
		pid_t caller = fork();

		if (!caller) {
			int pid;

			ptrace(PTRACE_TRACEME, 0, NULL, NULL);
			raise(SIGSTOP);
			pid = clone_with_pids(kinds[i].flags, NULL, NULL, NULL,
					      0, &self->set);
			if (pid > 0)
				wait_exit(pid);
			_exit(pid < 0);
		}
		ASSERT_EQ(caller, waitpid(caller, &status, 0));
		ASSERT_TRUE(WIFSTOPPED(status));
		ASSERT_EQ(0, ptrace(PTRACE_SETOPTIONS, caller, 0,
				    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
				    PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL));
		ASSERT_EQ(0, ptrace(PTRACE_CONT, caller, 0, 0));
		ASSERT_EQ(caller, waitpid(caller, &status, 0));
		if (!kinds[i].event) {
			/* no event before it is over, but a SIGCHLD */
			while (WIFSTOPPED(status)) {
				EXPECT_EQ(0, status >> 16) {
					TH_LOG("%s", kinds[i].name);
				}
				ptrace(PTRACE_CONT, caller, 0, 0);
				waitpid(caller, &status, 0);
			}
			EXPECT_EQ(0, status) {
				TH_LOG("%s", kinds[i].name);
			}
			continue;
		}
		EXPECT_EQ(SIGTRAP | kinds[i].event << 8, status >> 8) {
			TH_LOG("%s", kinds[i].name);
		}
		EXPECT_EQ(0, ptrace(PTRACE_GETEVENTMSG, caller, 0, &msg));
		EXPECT_EQ(self->pid, msg) {
			TH_LOG("%s", kinds[i].name);
		}

		/* The child is traced too, by the chosen pid. */
		EXPECT_EQ(self->pid, waitpid(self->pid, &status, __WALL));
		EXPECT_TRUE(WIFSTOPPED(status));
		kill(self->pid, SIGKILL);
		kill(caller, SIGKILL);
		while (waitpid(-1, &status, __WALL) > 0)
			;
	}
}

TEST_HARNESS_MAIN
