// SPDX-License-Identifier: GPL-2.0
/*
 * A pid is in use while any process, thread, zombie, process group or session
 * still holds it, and at each level it is free once the last of them has gone.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "proc.h"
#include "util.h"

/*
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller --> holder of the pids
 */
FIXTURE(holder)
{
	pid_t held[DEPTH];
	pid_t other[DEPTH];
	int alive[2];		/* the holder stays until this pipe is closed */
	struct clone_stack *stack;
};

FIXTURE_SETUP(holder)
{
	int i;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	for (i = 0; i < DEPTH; i++) {
		self->held[i] = free_pid();
		self->other[i] = free_pid();
	}
	nest(DEPTH - 1);
	/* orphans of the tests are to be reaped here */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ASSERT_EQ(0, pipe(self->alive));
	self->stack = shared(sizeof(*self->stack));
}

FIXTURE_TEARDOWN(holder)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

static const struct any_set *held(FIXTURE_DATA(holder) *self)
{
	static struct any_set set = { .num_pids = DEPTH };

	memcpy(set.pids, self->held, sizeof(self->held));
	return &set;
}

static void wait_for_release(FIXTURE_DATA(holder) *self)
{
	char c;

	close(self->alive[1]);
	(void)!read(self->alive[0], &c, 1);
}

static void release(FIXTURE_DATA(holder) *self)
{
	close(self->alive[1]);
	self->alive[1] = -1;
}

static void expect_busy(struct __test_metadata *const _metadata,
			FIXTURE_DATA(holder) *self)
{
	struct nspid ids;
	int i;

	for (i = 0; i < DEPTH; i++) {
		struct any_set set = { .num_pids = DEPTH };

		set.pids[i] = self->held[i];
		EXPECT_EQ(-EBUSY, spawn(0, &set, &ids)) {
			TH_LOG("level %d", i);
		}
		memcpy(set.pids, self->other, sizeof(self->other));
		set.pids[i] = self->held[i];
		EXPECT_EQ(-EBUSY, spawn(0, &set, &ids));
	}
	EXPECT_EQ(-EBUSY, spawn(0, held(self), &ids));
}

static void expect_free(struct __test_metadata *const _metadata,
			FIXTURE_DATA(holder) *self)
{
	struct nspid ids;
	int i;

	for (i = 0; i < DEPTH; i++) {
		struct any_set set = { .num_pids = DEPTH };

		set.pids[i] = self->held[i];
		EXPECT_LT(0, spawn(0, &set, &ids)) {
			TH_LOG("level %d", i);
		}
		EXPECT_EQ(self->held[i], ids.pid[i]);
	}
	EXPECT_EQ(self->held[2], spawn(0, held(self), &ids));
}

TEST_F(holder, process)
{
	int pid = clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, held(self));

	if (!pid) {
		wait_for_release(self);
		_exit(0);
	}
	ASSERT_EQ(self->held[2], pid);
	expect_busy(_metadata, self);
	release(self);
	EXPECT_EQ(0, wait_exit(pid));
	expect_free(_metadata, self);
}

TEST_F(holder, zombie)
{
	siginfo_t info;
	int pid = clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, held(self));

	if (!pid)
		_exit(7);
	ASSERT_EQ(self->held[2], pid);
	ASSERT_EQ(0, waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	expect_busy(_metadata, self);
	EXPECT_EQ(7, wait_exit(pid));
	expect_free(_metadata, self);
}

/* Threads are reaped by the kernel. */
static int thread_fn(struct start *sp)
{
	FIXTURE_DATA(holder) *self = sp->arg;
	char c;

	return syscall(SYS_read, self->alive[0], &c, 1);
}

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | \
		      CLONE_THREAD | CLONE_SYSVSEM)

TEST_F(holder, thread)
{
	struct nspid ids;
	int tid, tries = 1000;

	tid = clone_on_stack(THREAD_FLAGS, self->stack, NULL, NULL, 0,
			     held(self), thread_fn, self);
	ASSERT_EQ(self->held[2], tid);
	expect_busy(_metadata, self);
	release(self);
	while (spawn(0, held(self), &ids) == -EBUSY && --tries)
		usleep(1000);
	EXPECT_LT(0, tries);
	expect_free(_metadata, self);
}

static char state(pid_t pid)
{
	char path[32], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	if (f)
		fclose(f);
	return state;
}

/* A leader that has exited is no zombie to its parent while a thread runs. */
TEST_F(holder, leader_without_its_thread)
{
	int status, tries = 1000;
	pid_t pid = clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, held(self));

	if (!pid) {
		close(self->alive[1]);
		clone_on_stack(THREAD_FLAGS, self->stack, NULL, NULL, 0, NULL,
			       thread_fn, self);
		syscall(SYS_exit, 0);
	}
	ASSERT_EQ(self->held[2], pid);
	while (state(self->held[0]) != 'Z' && --tries)
		usleep(1000);
	EXPECT_LT(0, tries);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	expect_busy(_metadata, self);
	release(self);
	EXPECT_EQ(0, wait_exit(pid));
	expect_free(_metadata, self);
}

/* The leader of the group or session exits, a member stays. */
static void orphan(struct __test_metadata *const _metadata,
		   FIXTURE_DATA(holder) *self, bool session)
{
	int leader = clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, held(self));

	if (!leader) {
		int up[2];
		char c;

		if (pipe(up) || (session ? setsid() < 0 : setpgid(0, 0)))
			_exit(1);
		if (!fork()) {
			/* leaves the group, so that the session alone is left */
			if (session && setpgid(0, 0))
				_exit(1);
			close(up[0]);
			close(up[1]);
			wait_for_release(self);
			_exit(3);
		}
		close(up[1]);
		(void)!read(up[0], &c, 1);
		_exit(2);
	}
	ASSERT_EQ(self->held[2], leader);
	EXPECT_EQ(2, wait_exit(leader));
	EXPECT_EQ(-1, kill(leader, 0));
	EXPECT_EQ(ESRCH, errno);
	expect_busy(_metadata, self);
	release(self);
	EXPECT_EQ(3, wait_exit(-1));
	expect_free(_metadata, self);
}

TEST_F(holder, process_group)
{
	orphan(_metadata, self, false);
}

TEST_F(holder, session)
{
	orphan(_metadata, self, true);
}

/* A pidfd is a reference to the process, and holds no number. */
TEST_F(holder, pidfd_does_not_count)
{
	int fd = -1;
	int pid = clone_with_pids(SIGCHLD | CLONE_PIDFD, NULL, &fd, NULL, 0,
				  held(self));

	if (!pid)
		_exit(0);
	ASSERT_EQ(self->held[2], pid);
	EXPECT_LE(0, fd);
	expect_busy(_metadata, self);
	EXPECT_EQ(0, wait_exit(pid));
	expect_free(_metadata, self);
}

TEST_HARNESS_MAIN
