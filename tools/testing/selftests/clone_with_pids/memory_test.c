// SPDX-License-Identifier: GPL-2.0
/*
 * A call that gets no memory fails with ENOMEM and leaves no trace: the
 * requested pids are free, the next fork gets the pids that it would have got
 * anyway, there is no child, no file descriptor, and no struct pid too many.
 *
 *  - /proc/self/fail-nth makes the first allocation of a call fail, then the
 *    second, and so on.
 *  - With pidmap_lock held, allocations are atomic, and fall back on preloaded
 *    idr nodes. failslab makes atomic allocations fail, and the pids are such
 *    that each needs new nodes. A call that requests pids must undo all, preload
 *    again and retry, and give up after some tries. A call that requests none
 *    must succeed, as on a kernel that preloads for each level: it is tested on
 *    such a kernel, too.
 */
#include <glob.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "proc.h"

#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define FAIL_NTH	"/proc/self/fail-nth"
#define MAKE_IT_FAIL	"/proc/self/make-it-fail"

#define MAX_ALLOCATIONS	5000	/* more than one call makes */
#define FORK_TRIES	50	/* until no other process forks in between */
#define LEAK_MS		5000	/* until freed objects are counted as free */

/* The kernel preloads IDR_PRELOAD_SIZE nodes with so many slots each. */
#define NODES		11
#define SLOTS		64

static const char *lacks_fault_injection(void)
{
	if (access(FAILSLAB "ignore-gfp-wait", W_OK) || access(FAIL_NTH, W_OK))
		return "no debugfs, or kernel without CONFIG_FAILSLAB";
	if (access(NS_LAST_PID, F_OK))
		return "kernel without CONFIG_CHECKPOINT_RESTORE";
	return NULL;
}

/* Settings of failslab. Writing the last one starts it. */
static const char * const knobs[] = {
	"interval", "times", "space", "verbose", "task-filter",
	"ignore-gfp-wait", "probability",
};

struct failslab {
	char value[ARRAY_SIZE(knobs)][16];
};

static void set_failslab(const struct failslab *values, struct failslab *old)
{
	char path[64], *value;
	int i, fd;

	for (i = 0; old && i < ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), FAILSLAB "%s", knobs[i]);
		value = old->value[i];
		fd = open(path, O_RDONLY);
		if (read(fd, value, sizeof(old->value[i]) - 1) <= 0)
			perror(path);
		close(fd);
	}
	write_str(FAILSLAB "probability", "0");
	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), FAILSLAB "%s", knobs[i]);
		if (write_str(path, values->value[i]))
			perror(path);
	}
}

/* Writes @nr to /proc/self/fail-nth or make-it-fail, without an allocation. */
static void arm(int fd, int nr)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nr);

	assert(pwrite(fd, text, len, 0) == len);
}

/* How many allocations are left until the one that fails; 0: it has failed. */
static int armed(int fd)
{
	char text[16] = "";

	assert(pread(fd, text, sizeof(text) - 1, 0) > 0);
	return atoi(text);
}

static int count_tasks(void)
{
	FILE *f = fopen("/proc/loadavg", "re");
	int tasks = 0;

	if (!f || fscanf(f, "%*s %*s %*s %*d/%d", &tasks) != 1)
		perror("/proc/loadavg");
	if (f)
		fclose(f);
	return tasks;
}

/*
 * How many struct pids and pid namespaces there are, beyond one struct pid for
 * each task. Returns 0 if slabs are not debugged, as the counts are not exact
 * then. KASAN holds freed objects back until the slab is shrunk.
 */
static int count_pids(void)
{
	char line[512], name[64];
	int used, tasks, sum;
	glob_t paths;
	FILE *f;

	if (read_int("/sys/kernel/slab/pid/store_user") != 1)
		return 0;
	if (!glob("/sys/kernel/slab/pid*/shrink", 0, NULL, &paths)) {
		while (paths.gl_pathc)
			write_str(paths.gl_pathv[--paths.gl_pathc], "1");
		globfree(&paths);
	}
	do {
		tasks = count_tasks();
		sum = -tasks;
		f = fopen("/proc/slabinfo", "re");
		while (f && fgets(line, sizeof(line), f)) {
			if (sscanf(line, "%63s %d", name, &used) == 2 &&
			    !strncmp(name, "pid", 3))
				sum += used;
		}
		if (f)
			fclose(f);
	} while (tasks != count_tasks());
	return sum;
}

/* How many more than @before there are. Some are freed with a delay. */
static int count_leaked(int before)
{
	int ms, more = 0;

	for (ms = 0; ms < LEAK_MS; ms += 20) {
		more = count_pids() - before;
		if (more <= 0)
			return 0;
		usleep(20000);
	}
	return more;
}

/* A call that creates a child, which exits at once */
struct call {
	const char *what;
	int (*make)(struct call *call);
	struct any_set set;		/* if empty, nothing is requested */
	unsigned long flags;
	int also;			/* another possible errno */
	int pidfd;
};

static struct clone_stack stack;

static int make_clone_with_pids(struct call *call)
{
	return clone_on_stack(call->flags | CLONE_VM | SIGCHLD, &stack,
			      &call->pidfd, NULL, 0,
			      call->set.num_pids ? &call->set : NULL,
			      exit_at_once, NULL);
}

static int plain_clone(int (*fn)(struct start *))
{
	const unsigned long args[6] = {
		CLONE_VM | SIGCHLD, (unsigned long)&stack.top,
	};

	stack.top = (struct start){ .fn = fn };
	return raw_clone(SYS_clone, args);
}

static int make_clone(struct call *call)
{
	return plain_clone(exit_at_once);
}

/* clone3() wants the pids from the youngest namespace to the oldest. */
static int make_clone3(struct call *call)
{
	pid_t set_tid[MAX_LEVELS];
	const struct clone_args ca = {
		.flags = call->flags | CLONE_VM,
		.exit_signal = SIGCHLD,
		.stack = (unsigned long)&stack,
		.stack_size = offsetof(struct clone_stack, top),
		.set_tid = call->set.num_pids ? (unsigned long)set_tid : 0,
		.set_tid_size = call->set.num_pids,
	};
	const unsigned long args[6] = { (unsigned long)&ca, sizeof(ca) };
	int i;

	for (i = 0; i < call->set.num_pids; i++)
		set_tid[i] = call->set.pids[call->set.num_pids - 1 - i];
	stack.top = (struct start){ .fn = exit_at_once };
	return raw_clone(SYS_clone3, args);
}

static int make_fork(struct call *call)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : pid;
}

static struct nspid child_ids;

static int tell_pids(struct start *sp)
{
	child_ids = read_nspid("/proc/self/status");
	return 0;
}

/* The pids that the kernel picks next; quicker than plain_fork() */
static struct nspid next_pids(void)
{
	pid_t pid = plain_clone(tell_pids);

	if (pid < 0 || wait_exit(pid))
		return (struct nspid){};
	return child_ids;
}

static int lowest_free_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/*
 * The call has succeeded, at @levels levels: the child has all the pids that
 * were requested, and a valid pidfd, if any.
 */
static void expect_child(struct __test_metadata *const _metadata,
			 struct call *call, int levels, pid_t pid)
{
	const struct any_set *set = &call->set;
	struct nspid ids;
	char path[32];
	siginfo_t info;
	int i;

	ASSERT_LT(0, pid) {
		TH_LOG("%s: errno %d", call->what, -pid);
	}
	if (set->num_pids && set->pids[set->num_pids - 1])
		EXPECT_EQ(set->pids[set->num_pids - 1], pid);
	if (set->num_pids == levels && set->pids[0]) {
		/* A zombie, and as such in /proc. */
		EXPECT_EQ(0, waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
		snprintf(path, sizeof(path), "/proc/%d/status", set->pids[0]);
		ids = read_nspid(path);
		EXPECT_LE(levels, ids.n);
		for (i = 0; i < levels; i++) {
			if (set->pids[i])
				EXPECT_EQ(set->pids[i], ids.pid[i]);
		}
	}
	if (call->flags & CLONE_PIDFD)
		EXPECT_EQ(0, close(call->pidfd));
	EXPECT_EQ(0, wait_exit(pid));
}

/*
 * Makes the call with @nr written to @fd, a file in /proc, and expects that it
 * succeeds or leaves no trace. Others may fork in the oldest namespace. Returns 0
 * or the errno, and in @left what @fd reads after the call.
 */
static int try_call(struct __test_metadata *const _metadata, struct call *call,
		    int fd, int nr, int *left)
{
	const int lowest = lowest_free_fd();
	struct nspid before, after;
	int tries = FORK_TRIES;
	int rc, i;

	do {
		before = next_pids();
		ASSERT_LT(0, before.n);
		arm(fd, nr);
		rc = call->make(call);
		*left = armed(fd);
		arm(fd, 0);
		if (rc >= 0) {
			expect_child(_metadata, call, before.n, rc);
			EXPECT_EQ(lowest, lowest_free_fd());
			return 0;
		}
		after = next_pids();
		for (i = 1; i < before.n; i++) {
			ASSERT_EQ(before.pid[i] + 1, after.pid[i]) {
				TH_LOG("%s, %d: level %d", call->what, nr, i);
			}
		}
	} while (after.pid[0] != before.pid[0] + 1 && --tries);
	EXPECT_EQ(before.pid[0] + 1, after.pid[0]);

	EXPECT_EQ(-1, waitpid(-1, NULL, WNOHANG | __WALL));
	EXPECT_EQ(ECHILD, errno);
	EXPECT_EQ(lowest, lowest_free_fd());
	if (call->set.num_pids)
		expect_child(_metadata, call, before.n, call->make(call));
	return rc;
}

/* Every allocation fails in its turn */

FIXTURE(nth)
{
	int n;				/* levels */
	int pids;			/* at the start, see count_pids() */
	pid_t free[MAX_LEVELS];
	struct failslab failslab;
	int fd;				/* of FAIL_NTH */
};

/* @nest: how many levels below the oldest, each with an init */
FIXTURE_VARIANT(nth)
{
	int nest;
};

FIXTURE_VARIANT_ADD(nth, one) {
	.nest = 0,
};

FIXTURE_VARIANT_ADD(nth, four) {
	.nest = 3,
};

FIXTURE_VARIANT_ADD(nth, deepest) {
	.nest = MAX_LEVELS - 1,
};

FIXTURE_SETUP(nth)
{
	/* Nothing fails but what fail-nth says: all kinds of allocations. */
	const struct failslab all = {{ "1", "-1", "0", "0", "N", "N", "0" }};

	SKIP_IF(return, lacks_fault_injection());
	self->n = variant->nest + 1;
	self->pids = count_pids();
	set_failslab(&all, &self->failslab);
	free_pids(self->free, self->n);
	pass_reserved_pids();
	if (variant->nest)
		nest(variant->nest);
	self->fd = open(FAIL_NTH, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN_PARENT(nth)
{
	if (!self->n)
		return;
	set_failslab(&self->failslab, NULL);
	EXPECT_EQ(0, count_leaked(self->pids));
}

/*
 * Fails the first allocation of the call, the second, and so on. Returns how many
 * of these made the call fail.
 */
static int fail_each(struct __test_metadata *const _metadata, int levels,
		     int fd, struct call *call)
{
	int nr, rc, left, failed = 0;

	for (nr = 1; nr < MAX_ALLOCATIONS; nr++) {
		rc = try_call(_metadata, call, fd, nr, &left);
		if (left)
			break;
		failed += rc < 0;
		if (rc && rc != -ENOMEM) {
			EXPECT_EQ(call->also, rc) {
				TH_LOG("%s: allocation %d", call->what, nr);
			}
		}
	}
	EXPECT_EQ(0, rc);
	EXPECT_GT(MAX_ALLOCATIONS, nr);
	EXPECT_LT(0, failed);
	TH_LOG("%s at %d levels: %d allocations, %d may fail",
	       call->what, levels, nr - 1, nr - 1 - failed);
	return failed;
}

static struct any_set set_of(const pid_t *pids, int n)
{
	struct any_set set = { .num_pids = n };

	memcpy(set.pids, pids, n * sizeof(pid_t));
	return set;
}

TEST_F(nth, full_set)
{
	struct call call = {
		"a full set", make_clone_with_pids, set_of(self->free, self->n),
	};

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	fail_each(_metadata, self->n, self->fd, &call);
}

TEST_F(nth, mixed_set)
{
	struct call call = {
		"every other pid", make_clone_with_pids,
		set_of(self->free, self->n),
	};
	int i;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	for (i = 0; i < self->n; i += 2)
		call.set.pids[i] = 0;
	fail_each(_metadata, self->n, self->fd, &call);
}

TEST_F(nth, short_set)
{
	struct call call = {
		"a short set", make_clone_with_pids,
		set_of(self->free, self->n / 2),
	};

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	fail_each(_metadata, self->n, self->fd, &call);
}

TEST_F(nth, pidfd)
{
	struct call call = {
		"CLONE_PIDFD", make_clone_with_pids,
		set_of(self->free, self->n), CLONE_PIDFD,
	};

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	fail_each(_metadata, self->n, self->fd, &call);
}

/* There the call fails with what clone() fails with for want of a ucounts. */
TEST_F(nth, new_namespaces)
{
	struct call call = {
		"new namespaces", make_clone_with_pids,
		set_of(self->free, self->n), CLONE_NEWUSER | CLONE_NEWPID,
		.also = -EAGAIN,
	};

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	if (self->n == MAX_LEVELS)
		call.flags &= ~CLONE_NEWPID;
	/* The first at this level creates a slab; if not, there is a splat. */
	expect_child(_metadata, &call, self->n, call.make(&call));
	fail_each(_metadata, self->n, self->fd, &call);
}

/* At most 32 of them. */
TEST_F(nth, clone3)
{
	const int n = self->n < MAX_LEVELS ? self->n : MAX_LEVELS - 1;
	struct call call = {
		"clone3", make_clone3, set_of(self->free, n),
	};

	fail_each(_metadata, self->n, self->fd, &call);
}

/* A fork makes many more allocations, so it is not tried at 33 levels. */
TEST_F(nth, no_set)
{
	struct call clone = { "clone", make_clone }, fork = { "fork", make_fork };

	fail_each(_metadata, self->n, self->fd, &clone);
	if (self->n < MAX_LEVELS)
		fail_each(_metadata, self->n, self->fd, &fork);
}

/* Under pidmap_lock */

/*
 *   0        1                 32
 *   test --> init --> ... -->  init --> caller --> child
 *
 * In all but the oldest namespace, pid 1 and some just before @next are in use,
 * and the kernel will pick @next. For @next and for @far, each, the tree of pids
 * needs as many @nodes: it has nothing of what leads there but the root.
 */
FIXTURE(starved)
{
	pid_t next, far;
	int nodes;
	int pids;			/* at the start, see count_pids() */
	int pid_max;
	struct failslab failslab;
	int fd;				/* of MAKE_IT_FAIL */
};

FIXTURE_SETUP(starved)
{
	/* Atomic allocations fail in tasks that wrote to make-it-fail. */
	const struct failslab atomic = {{
		"1", "-1", "0", "0", "Y", "Y", "100"
	}};
	int i, pid_max, span = 1;

	SKIP_IF(return, lacks_fault_injection());
	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	self->pids = count_pids();
	self->pid_max = read_int(PID_MAX);
	write_int(PID_MAX, 4 << 20);	/* the most, where there is room */
	pid_max = read_int(PID_MAX);
	while (span * SLOTS < pid_max) {
		span *= SLOTS;
		self->nodes++;
	}
	self->next = pid_max / 2;
	self->far = pid_max / 4;
	ASSERT_EQ(0, self->next % span);
	ASSERT_EQ(0, self->far % span);

	set_failslab(&atomic, &self->failslab);
	for (i = 1; i < MAX_LEVELS; i++) {
		must_unshare(CLONE_NEWPID);
		go_on_as_child();
		/* The inits further down, and the caller, take up these. */
		write_int(NS_LAST_PID, self->next - 1 - (MAX_LEVELS - i));
	}
	go_on_as_child();
	self->fd = open(MAKE_IT_FAIL, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN_PARENT(starved)
{
	if (!self->pid_max)
		return;
	set_failslab(&self->failslab, NULL);
	EXPECT_EQ(0, write_int(PID_MAX, self->pid_max));
	EXPECT_EQ(0, count_leaked(self->pids));
}

/* How many allocations failed since failslab was told to let no more fail. */
static int count_failed(int at_most)
{
	return at_most - read_int(FAILSLAB "times");
}

/*
 * Requests pids that need new nodes in the @levels youngest namespaces, and pids
 * that need none in the older ones: next to pid 1, or to the caller's own.
 */
static struct any_set far_set(FIXTURE_DATA(starved) *self, int levels)
{
	const pid_t own = read_nspid("/proc/self/status").pid[0];
	struct any_set set = { MAX_LEVELS, { own } };
	char path[32];
	int i;

	do {
		i = set.pids[0] / SLOTS * SLOTS;
		set.pids[0] = i + (set.pids[0] + 1) % SLOTS;
		snprintf(path, sizeof(path), "/proc/%d", set.pids[0]);
	} while (!access(path, F_OK));
	for (i = 1; i < MAX_LEVELS; i++)
		set.pids[i] = i < MAX_LEVELS - levels ? 2 : self->far;
	return set;
}

/*
 * Makes @call with no more than @at_most failing allocations. If it succeeds,
 * the child has all the pids; otherwise there is no trace. Returns 0 or the
 * errno, and in @failed how many there were.
 */
static int starve(struct __test_metadata *const _metadata,
		  FIXTURE_DATA(starved) *self, struct call *call,
		  int at_most, int *failed)
{
	int rc, ignored;

	write_int(FAILSLAB "times", at_most);
	rc = try_call(_metadata, call, self->fd, 1, &ignored);
	*failed = count_failed(at_most);
	return rc;
}

/*
 * A request is tried at least twice. How often the kernel tries is its own
 * business, but it is not for ever, and the same for all requests. In each try
 * the preloaded nodes are used up, and one more allocation fails.
 */
#define MIN_TRIES	2
#define MAX_TRIES	100
#define FAILURES(tries)	((tries) * (NODES + 1))

/*
 * If the preloaded nodes suffice, the first try succeeds. For one level more they
 * run out: the pids of all levels are given back, and the next try finds the
 * nodes in place that the last level got before.
 */
TEST_F(starved, enough_at_next_try)
{
	const int enough = NODES / self->nodes;
	struct call call = { "far pids", make_clone_with_pids };
	int levels, failed;

	for (levels = 0; levels <= enough + 1; levels++) {
		call.set = far_set(self, levels);
		EXPECT_EQ(0, starve(_metadata, self, &call, INT_MAX, &failed));
		TH_LOG("far pids at %d levels: %d allocations failed",
		       levels, failed);
		EXPECT_LE(levels * self->nodes, failed);
	}
}

/* Memory stays short: the call gives up after some tries and leaves no trace. */
TEST_F(starved, never_enough)
{
	struct call calls[] = {
		{ "a full set", make_clone_with_pids, far_set(self, MAX_LEVELS - 1) },
		{ "a short set", make_clone_with_pids, { 20 } },
		{ "mixed", make_clone_with_pids, far_set(self, MAX_LEVELS - 1) },
		{ "clone3", make_clone3, { MAX_LEVELS - 1 } },
	};
	int i, failed, tries = 0;

	for (i = 0; i < 20; i++)
		calls[1].set.pids[i] = self->far;
	for (i = 0; i < MAX_LEVELS; i += 2)
		calls[2].set.pids[i] = 0;
	for (i = 0; i < MAX_LEVELS - 1; i++)
		calls[3].set.pids[i] = self->far;
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(-ENOMEM, starve(_metadata, self, &calls[i], INT_MAX,
					  &failed)) {
			TH_LOG("%s", calls[i].what);
		}
		if (!i)
			tries = failed / (NODES + 1);
		TH_LOG("%s: %d allocations failed, %d tries", calls[i].what,
		       failed, failed / (NODES + 1));
		EXPECT_LE(MIN_TRIES, tries);
		EXPECT_GE(MAX_TRIES, tries);
		EXPECT_EQ(FAILURES(tries), failed) {
			TH_LOG("%s", calls[i].what);
		}
	}
}

/*
 * With fewer and fewer failing allocations, the last try succeeds, then the one
 * before it, and finally the first.
 */
TEST_F(starved, enough_at_last)
{
	struct call call = {
		"far pids", make_clone_with_pids,
		far_set(self, MAX_LEVELS - 1),
	};
	int rc, failed, at_most, succeeded = 0;

	EXPECT_EQ(-ENOMEM, starve(_metadata, self, &call, INT_MAX, &at_most));
	while (at_most--) {
		call.set.pids[0] = far_set(self, 0).pids[0];
		rc = starve(_metadata, self, &call, at_most, &failed);
		EXPECT_EQ(at_most, failed);
		if (!rc)
			succeeded++;
		else
			EXPECT_EQ(0, succeeded);
	}
	EXPECT_LE(FAILURES(MIN_TRIES), succeeded);
}

/* Far-apart pids */

/*
 *   0             1                 n - 1
 *   parent
 *     |-> helper --> init --> ... --> init
 *      `-----------------------------------> caller --> child
 *
 * The pids of all processes are low. When the parent is told to, it sets the
 * cursors so high that the tree of each level must grow and needs new nodes.
 */
FIXTURE(far)
{
	int n;				/* levels */
	int pids;			/* at the start, see count_pids() */
	int pid_max, last_pid;
	int nodes;			/* that the tree of each level lacks */
	struct failslab failslab;
	int ask, answer;		/* pipes, to and from the parent */
};

FIXTURE_VARIANT(far)
{
	int levels;
};

FIXTURE_VARIANT_ADD(far, two) {
	.levels = 2,
};

FIXTURE_VARIANT_ADD(far, four) {
	.levels = 4,
};

FIXTURE_VARIANT_ADD(far, deepest) {
	.levels = MAX_LEVELS,
};

/* A high pid for @level, and some thousand after it, which no other level uses */
static pid_t far_pid(int level)
{
	return read_int(PID_MAX) / 16 * (1 + level % 15);
}

static void raise_cursors(const struct chain *chain)
{
	int level;

	for (level = chain->last; level >= 0; level--) {
		pid_t pid;

		if (setns(chain->ns[level], CLONE_NEWPID))
			_exit(KSFT_FAIL);
		pid = fork();
		if (!pid)
			_exit(!!write_int(NS_LAST_PID, far_pid(level)));
		if (wait_exit(pid))
			_exit(KSFT_FAIL);
	}
}

/* The caller continues in the youngest namespace. Its parent sets cursors. */
static void go_on_below(FIXTURE_DATA(far) *self)
{
	int ask[2], answer[2];
	struct chain chain;
	pid_t pid;
	char c;

	make_chain(&chain, self->n - 1);
	if (setns(chain.ns[chain.last], CLONE_NEWPID))
		_exit(KSFT_FAIL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}

	if (pipe(ask) || pipe(answer))
		_exit(KSFT_FAIL);
	self->ask = ask[1];
	self->answer = answer[0];
	pid = fork();
	if (pid < 0)
		_exit(KSFT_FAIL);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	close(ask[1]);
	while (read(ask[0], &c, 1) == 1) {
		raise_cursors(&chain);
		if (write(answer[1], &c, 1) != 1)
			break;
	}
	_exit(wait_exit(pid));
}

static void ask_for_far_pids(struct __test_metadata *const _metadata,
			     FIXTURE_DATA(far) *self)
{
	char c;

	ASSERT_EQ(1, write(self->ask, "", 1));
	ASSERT_EQ(1, read(self->answer, &c, 1));
}

FIXTURE_SETUP(far)
{
	int span;

	SKIP_IF(return, lacks_fault_injection());
	self->pids = count_pids();
	self->pid_max = read_int(PID_MAX);
	self->last_pid = read_int(NS_LAST_PID);
	self->n = variant->levels;
	write_int(PID_MAX, 4 << 20);	/* the most, where there is room */
	for (span = SLOTS; span < read_int(PID_MAX); span *= SLOTS)
		self->nodes += 2;
	go_on_below(self);
}

FIXTURE_TEARDOWN_PARENT(far)
{
	if (!self->pid_max)
		return;
	set_failslab(&self->failslab, NULL);
	EXPECT_EQ(0, write_int(PID_MAX, self->pid_max));
	EXPECT_EQ(0, write_int(NS_LAST_PID, self->last_pid));
	EXPECT_EQ(0, count_leaked(self->pids));
}

/*
 * No more allocations make the call fail when nodes are needed. fork() makes many
 * others, so it is not tried at 33 levels.
 */
TEST_F_TIMEOUT(far, any_allocation, 300)
{
	const struct failslab all = {{ "1", "-1", "0", "0", "N", "N", "0" }};
	struct call calls[] = {
		{ "clone", make_clone },
		{ "clone3", make_clone3 },
		{ "fork", make_fork },
	};
	int fd = open(FAIL_NTH, O_RDWR);
	const int n = ARRAY_SIZE(calls) - (self->n == MAX_LEVELS);
	int vital[ARRAY_SIZE(calls)], i;

	ASSERT_LE(0, fd);
	set_failslab(&all, &self->failslab);
	for (i = 0; i < n; i++)
		vital[i] = fail_each(_metadata, self->n, fd, &calls[i]);
	ask_for_far_pids(_metadata, self);
	for (i = 0; i < n; i++) {
		EXPECT_EQ(vital[i], fail_each(_metadata, self->n, fd, &calls[i])) {
			TH_LOG("%s", calls[i].what);
		}
	}
}

/* What cannot wait for memory gets none. */
static int starve_atomic(FIXTURE_DATA(far) *self)
{
	const struct failslab atomic = {{
		"1", "-1", "0", "0", "Y", "Y", "100"
	}};

	set_failslab(&atomic, &self->failslab);
	return open(MAKE_IT_FAIL, O_RDWR);
}

/* They succeed, as on a kernel that preloads for each level. */
TEST_F(far, none_requested)
{
	struct call calls[] = {
		{ "clone", make_clone },
		{ "fork", make_fork },
		{ "clone3", make_clone3 },
		{ "no set", make_clone_with_pids },
		{ "zeros", make_clone_with_pids, { self->n } },
	};
	int fd = starve_atomic(self);
	int n = ARRAY_SIZE(calls), i, failed, ignored;

	ASSERT_LE(0, fd);
	if (lacks_call(__NR_clone_with_pids))
		n -= 2;
	ask_for_far_pids(_metadata, self);
	for (i = 0; i < 3 * n; i++) {
		struct call *call = &calls[i % n];

		write_int(FAILSLAB "times", INT_MAX);
		EXPECT_EQ(0, try_call(_metadata, call, fd, 1, &ignored)) {
			TH_LOG("%s", call->what);
		}
		failed = count_failed(INT_MAX);
		TH_LOG("%s at %d levels: %d allocations failed", call->what,
		       self->n, failed);
		/* The oldest level may have some of the nodes already. */
		EXPECT_LE((self->n - 1) * self->nodes, failed);
	}
}

/* They succeed or fail with ENOMEM and no trace. With memory, they succeed. */
TEST_F(far, requested)
{
	struct call calls[] = {
		{ "a full set", make_clone_with_pids, { self->n } },
		{ "the youngest", make_clone_with_pids, { 1 } },
		{ "the oldest", make_clone_with_pids, { self->n } },
		{ "every other pid", make_clone_with_pids, { self->n } },
		{ "clone3", make_clone3, {
			self->n < MAX_LEVELS ? self->n : MAX_LEVELS - 1
		} },
	};
	int fd = starve_atomic(self);
	int i, k, rc, ignored;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	ASSERT_LE(0, fd);
	ask_for_far_pids(_metadata, self);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct any_set *set = &calls[i].set;
		const int oldest = self->n - set->num_pids;

		for (k = 0; k < set->num_pids; k++)
			set->pids[k] = far_pid(oldest + k) + 1500;
		/* "the oldest" and "every other pid" */
		for (k = 1; i == 2 && k < set->num_pids; k++)
			set->pids[k] = 0;
		for (k = 0; i == 3 && k < set->num_pids; k += 2)
			set->pids[k] = 0;
		rc = try_call(_metadata, &calls[i], fd, 1, &ignored);
		TH_LOG("%s at %d levels: errno %d", calls[i].what, self->n, -rc);
		if (rc)
			EXPECT_EQ(-ENOMEM, rc);
	}
}

TEST_HARNESS_MAIN
