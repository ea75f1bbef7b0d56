// SPDX-License-Identifier: GPL-2.0
/*
 * The statements of "Security" in Documentation/clone-with-pids, by number.
 * Those that are not named below are shown by other tests:
 *
 *	 1	privilege_test: capability.to_call, owner.whatever_the_set; that
 *		refusal is not audited is not shown: no security module in the
 *		tests' kernel logs what it refuses
 *	 2	privilege_test: owner, capability
 *	 3	privilege_test: owner; what it is told: flags_test
 *	 6	privilege_test: owner.newuser_does_not_help
 *	 7	privilege_test: owner.each_choice_of_busy_pids,
 *		.EPERM_beats_EBUSY_at_another_level
 *	 9	privilege_test: owner.each_choice_of_pids_out_of_range,
 *		.EPERM_beats_EINVAL_at_another_level, capability.first_process
 *	11	a pid that is taken at the last moment: all_or_nothing_test:
 *		levels.waiting_call_is_late
 *	12	holders_test, namespaces_test: newpid.second_process, .init_gone
 *	14	errno_test: nested.EAGAIN_of_RLIMIT_NPROC, shortage;
 *		all_or_nothing_test: levels.no_trace_of_pids_max
 *	15	copyin_test: copyin.bounded_before_copied; the time is measured
 *	17	a tracer: flags_test: flags.ptrace_events
 */
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"
#include "privilege.h"
#include "proc.h"
#include "util.h"
#include "no_user_namespaces.h"	/* the documented filter: see Makefile */

#define USER	54321
#define OTHER	54322

static void become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || prctl(PR_SET_DUMPABLE, 1)) {
		perror("become");
		_exit(KSFT_FAIL);
	}
}

/* Asks for what a full @set says, and gets it, or nothing if it may not. */
static void expect_choice(struct __test_metadata *const _metadata,
			  const struct any_set *set, bool may)
{
	struct nspid ids;
	unsigned int i;
	int pid = spawn(0, set, &ids);

	for (i = 0; !may && i < set->num_pids; i++)
		EXPECT_EQ(-EPERM, pid) {
			TH_LOG("entry %u: %d", i, set->pids[i]);
		}
	if (!may)
		return;
	EXPECT_LT(0, pid);
	EXPECT_EQ(set->num_pids, ids.n);
	for (i = 0; i < set->num_pids; i++)
		if (set->pids[i])
			EXPECT_EQ(set->pids[i], ids.pid[i]);
}

/*
 * @owner makes a user namespace with a pid namespace, whose init is returned.
 * They go when the last process of the test does, whoever that has become.
 */
static pid_t new_container(uid_t owner)
{
	pid_t *init = shared(sizeof(*init)), pid;
	int fds[2];
	char c;

	if (pipe(fds))
		return -errno;
	pid = fork();
	if (!pid) {
		if (owner)
			become(owner);
		must_unshare(CLONE_NEWUSER | CLONE_NEWPID);
		close(fds[1]);
		__atomic_store_n(init, hold(NULL), __ATOMIC_SEQ_CST);
		_exit(read(fds[0], &c, 1));
	}
	while (pid > 0 && !__atomic_load_n(init, __ATOMIC_SEQ_CST))
		usleep(1000);
	return *init;
}

/* A file in the /proc/@pid/ns/ of somebody. */
static int open_ns(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/*
 *   oldest      | youngest
 *   caller . . . . child
 *   EPERM         the pid, or EPERM: see .may
 */
FIXTURE(container_owner)
{
	pid_t free[2];
};

FIXTURE_VARIANT(container_owner)
{
	uid_t owner;
	uid_t caller;
	bool may;
};

FIXTURE_VARIANT_ADD(container_owner, is_the_caller) {
	.owner = USER,
	.caller = USER,
	.may = true,
};

FIXTURE_VARIANT_ADD(container_owner, is_another) {
	.owner = OTHER,
	.caller = USER,
	.may = false,
};

FIXTURE_SETUP(container_owner)
{
	pid_t init;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	self->free[0] = free_pid();
	self->free[1] = free_pid();
	init = new_container(variant->owner);
	ASSERT_LT(0, init);
	ASSERT_EQ(0, setns(open_ns(init, "pid"), CLONE_NEWPID));
}

FIXTURE_TEARDOWN(container_owner)
{
}

/* 4: who made a user namespace has all capabilities there, and only there. */
TEST_F(container_owner, without_capabilities)
{
	const pid_t *free = self->free;

	become(variant->caller);
	expect_choice(_metadata, SET(0, 0), variant->may);
	expect_choice(_metadata, SET(0, free[1]), variant->may);
	expect_choice(_metadata, SET(free[0], 0), false);
	expect_choice(_metadata, SET(free[0], free[1]), false);
}

/* 4: capabilities hold for the user namespaces below one's own, too. */
TEST_F(container_owner, with_capabilities_from_above)
{
	const pid_t *free = self->free;

	keep_caps(CAP_BIT(CAP_CHECKPOINT_RESTORE));
	expect_choice(_metadata, SET(0, free[1]), true);
	expect_choice(_metadata, SET(free[0], free[1]), true);
	keep_caps(0);
	expect_choice(_metadata, SET(0, 0), false);
	expect_choice(_metadata, SET(0, free[1]), false);
	expect_choice(_metadata, SET(free[0], 0), false);
	keep_caps(CAP_BIT(CAP_SYS_ADMIN));
	expect_choice(_metadata, SET(free[0], free[1]), true);
}

/* 4: the calling thread's, not those of another of the process. */
static void *choose_without(void *free)
{
	struct nspid ids;

	keep_caps(0);
	return (void *)(long)spawn(0, SET(*(pid_t *)free), &ids);
}

TEST(capabilities_of_the_thread)
{
	pid_t free = free_pid();
	pthread_t thread;
	struct nspid ids;
	void *result;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	ASSERT_EQ(0, pthread_create(&thread, NULL, choose_without, &free));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(-EPERM, (long)result);
	EXPECT_EQ(free, spawn(0, SET(free), &ids));
}

/*
 * 5: a namespace below another cannot be made by who is above its owner, so
 * privilege over the one is privilege over the other.
 *
 *   oldest      | youngest
 *   test          init
 *                 caller, as root of the oldest
 */
TEST(namespaces_nest_as_their_owners)
{
	struct nspid ids;
	int init, user;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	init = new_container(0);
	ASSERT_LT(0, init);
	user = open_ns(init, "user");
	ASSERT_EQ(0, setns(open_ns(init, "pid"), CLONE_NEWPID));
	go_on_as_child();
	EXPECT_EQ(-1, unshare(CLONE_NEWPID));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL, spawn(CLONE_NEWPID, SET(0), &ids));

	ASSERT_EQ(0, setns(user, CLONE_NEWUSER));
	EXPECT_LT(0, spawn(CLONE_NEWPID, SET(0), &ids));
}

/*
 *   oldest        middle       youngest
 *   test      --> init     --> init --> caller, who has no capability
 */
FIXTURE(nobody)
{
	pid_t free;
	pid_t root;		/* in use in the youngest, by root */
};

FIXTURE_SETUP(nobody)
{
	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	self->free = free_pid();
	nest(DEPTH - 1);
	self->root = hold(NULL);
	ASSERT_LT(0, self->root);
	/* What is mounted here, a container has too. */
	must_unshare(CLONE_NEWNS);
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, prctl(PR_SET_KEEPCAPS, 1));
}

FIXTURE_TEARDOWN(nobody)
{
}

/* 8: with privilege, EBUSY tells of processes that /proc hides, as kill(). */
TEST_F(nobody, sees_what_hidepid_hides)
{
	struct nspid ids;
	char path[32];

	ASSERT_EQ(0, mount("none", "/proc", "proc", 0, "hidepid=invisible"));
	become(USER);
	snprintf(path, sizeof(path), "/proc/%d", self->root);
	EXPECT_EQ(-1, access(path, F_OK));
	EXPECT_EQ(-EPERM, spawn(0, SET(self->root), &ids));
	EXPECT_EQ(-EPERM, spawn(0, SET(self->free), &ids));
	keep_caps(CAP_BIT(CAP_CHECKPOINT_RESTORE));
	EXPECT_EQ(-EBUSY, spawn(0, SET(self->root), &ids));
	EXPECT_EQ(self->free, spawn(0, SET(self->free), &ids));
	EXPECT_EQ(-1, kill(self->root, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, kill(self->free, 0));
	EXPECT_EQ(ESRCH, errno);
}

/* 9: there is no border between EINVAL and EPERM to be found. */
TEST_F(nobody, is_not_told_pid_max)
{
	const int pid_max = read_int(PID_MAX);
	const int pids[] = { pid_max - 1, pid_max, pid_max + 1, INT_MAX, -1 };
	struct nspid ids;
	int i;

	become(USER);
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		EXPECT_EQ(-EPERM, spawn(0, SET(pids[i]), &ids)) {
			TH_LOG("pid %d", pids[i]);
		}
	}
	keep_caps(CAP_BIT(CAP_CHECKPOINT_RESTORE));
	EXPECT_EQ(pid_max - 1, spawn(0, SET(pid_max - 1), &ids));
	EXPECT_EQ(-EINVAL, spawn(0, SET(pid_max), &ids));
}

/* 10: how deep it is, which /proc does not tell, and clone3() does. */
TEST_F(nobody, finds_its_depth)
{
	pid_t set_tid[MAX_LEVELS];
	struct any_set zeros = {};
	struct nspid ids;
	int n, depth;

	ASSERT_EQ(0, mount("none", "/proc", "proc", 0, NULL));
	become(USER);
	depth = levels();
	EXPECT_LE(DEPTH, depth);
	EXPECT_EQ(1, read_nspid("/proc/self/status").n);

	for (n = 0; n < MAX_LEVELS; n++)
		set_tid[n] = 1;
	for (n = 1; n < MAX_LEVELS; n++) {
		const int err = n <= depth ? -EPERM : -EINVAL;

		zeros.num_pids = n;
		EXPECT_EQ(err, spawn(0, &zeros, &ids));
		EXPECT_EQ(err, clone3_set_tid(0, set_tid, n));
	}
}

/* The lowest file descriptor that is free. */
static int next_fd(void)
{
	int fd = dup(STDOUT_FILENO);

	close(fd);
	return fd;
}

/*
 * 11: refused for the set, nothing is written, unless a pid is in use: then the
 * number of a pidfd may have been, which is closed.
 */
#define NR_WORDS	64
#define PTID		20
#define CTID		40

TEST_F(nobody, is_written_nothing)
{
	const struct {
		const char *name;
		int err;
		const void *set;
	} refused[] = {
		{ "unreadable", -EFAULT, (void *)1 },
		{ "negative", -EINVAL, SET(-1) },
		{ "34 pids", -EINVAL, SET(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			       0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			       0, 0) },
		{ "in use", -EBUSY, SET(self->root) },
		{ "free, no privilege", -EPERM, SET(self->free) },
		{ "in use, no privilege", -EPERM, SET(self->root) },
		{ "negative, no privilege", -EPERM, SET(-1) },
		{ "any, no privilege", -EPERM, SET(0) },
		{ "no set, no privilege", -EPERM, NULL },
	};
	const unsigned long flags[] = {
		CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
		CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
	};
	const int fd = next_fd();
	int *word = shared(NR_WORDS * sizeof(*word)), i, j, k;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		if (refused[i].err == -EPERM && geteuid() != USER)
			become(USER);
		for (j = 0; j < ARRAY_SIZE(flags); j++) {
			memset(word, -1, NR_WORDS * sizeof(*word));
			EXPECT_EQ(refused[i].err,
				  clone_with_pids(flags[j] | SIGCHLD, NULL,
						  &word[PTID], &word[CTID], 0,
						  refused[i].set)) {
				TH_LOG("%s", refused[i].name);
			}
			if (refused[i].err == -EBUSY &&
			    flags[j] & CLONE_PIDFD && word[PTID] != -1) {
				EXPECT_EQ(fd, word[PTID]);
				word[PTID] = -1;
			}
			EXPECT_EQ(fd, next_fd()) {
				TH_LOG("%s", refused[i].name);
			}
			for (k = 0; k < NR_WORDS; k++) {
				EXPECT_EQ(-1, word[k]) {
					TH_LOG("%s: word %d", refused[i].name, k);
				}
			}
		}
	}
}

/* 13: a pid has a new owner at once; an old pidfd does not. */
TEST(reused_at_once)
{
	pid_t pid = free_pid();
	int old, new;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	ASSERT_EQ(pid, hold(SET(pid)));
	old = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_LE(0, old);
	let_go(pid);
	EXPECT_EQ(-1, kill(pid, 0));

	ASSERT_EQ(pid, hold(SET(pid)));
	new = syscall(SYS_pidfd_open, pid, 0);
	EXPECT_EQ(0, kill(pid, 0));
	EXPECT_EQ(0, syscall(SYS_pidfd_send_signal, new, 0, NULL, 0));
	EXPECT_EQ(-1, syscall(SYS_pidfd_send_signal, old, SIGKILL, NULL, 0));
	EXPECT_EQ(ESRCH, errno);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	let_go(pid);
}

/*
 * 16: num_pids is at the end of one page, pids on the next, which is not there
 * when the call comes to it: userfaultfd(2) says so and has it wait, while
 * another thread does something.
 */
FIXTURE(in_flight)
{
	int uffd;
	long size;
	__u32 *num_pids;
	char *pids;		/* where the page is missing */
	pid_t *page;		/* and what belongs there */
	__u32 becomes;		/* what the other does: change num_pids, */
	pid_t signalled;	/* or interrupt this thread */
	pid_t free[DEPTH];
};

FIXTURE_VARIANT_EACH_ABI(in_flight);

FIXTURE_SETUP(in_flight)
{
	struct uffdio_api api = { .api = UFFD_API };
	char *map;

	SKIP_IF(return, lacks_call(variant->nr));
	free_pids(self->free, DEPTH);
	nest(DEPTH - 1);
	self->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (self->uffd < 0)
		SKIP(return, "kernel without CONFIG_USERFAULTFD");
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_API, &api));

	self->size = sysconf(_SC_PAGESIZE);
	map = mmap(NULL, 2 * self->size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	self->pids = map + self->size;
	self->num_pids = (__u32 *)self->pids - 1;
	self->page = mmap(NULL, self->size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE((void *)self->page != MAP_FAILED);
}

FIXTURE_TEARDOWN(in_flight)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

static void *meanwhile(void *arg)
{
	FIXTURE_DATA(in_flight) *self = arg;
	struct pollfd pfd = { .fd = self->uffd, .events = POLLIN };
	struct uffdio_copy copy = {
		.dst = (unsigned long)self->pids,
		.src = (unsigned long)self->page,
		.len = self->size,
	};
	struct uffd_msg msg;

	if (poll(&pfd, 1, 5000) != 1 ||
	    read(self->uffd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT)
		return "no fault";
	__atomic_store_n(self->num_pids, self->becomes, __ATOMIC_SEQ_CST);
	if (self->signalled &&
	    syscall(SYS_tgkill, getpid(), self->signalled, SIGUSR1))
		return "no signal";
	return ioctl(self->uffd, UFFDIO_COPY, &copy) ? "no page" : NULL;
}

/* Calls with @self->free for @num_pids, and has meanwhile() done. */
static int spawn_in_flight(struct __test_metadata *const _metadata,
			   FIXTURE_DATA(in_flight) *self, int num_pids,
			   struct nspid *ids)
{
	struct uffdio_register reg = {
		.range = { (unsigned long)self->pids, self->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	pthread_t thread;
	void *wrong;
	int pid;

	ASSERT_EQ(0, madvise(self->pids, self->size, MADV_DONTNEED));
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_REGISTER, &reg));
	memcpy(self->page, self->free + DEPTH - num_pids,
	       num_pids * sizeof(*self->free));
	*self->num_pids = num_pids;
	ASSERT_EQ(0, pthread_create(&thread, NULL, meanwhile, self));
	pid = spawn(0, self->num_pids, ids);
	ASSERT_EQ(0, pthread_join(thread, &wrong));
	ASSERT_TRUE(!wrong) {
		TH_LOG("%s", (char *)wrong);
	}
	return pid;
}

TEST_F(in_flight, num_pids_changes)
{
	static const struct {
		__u32 is, becomes;
	} changes[] = {
		{ 3, 1 }, { 1, 3 }, { 3, 0 }, { 2, 33 }, { 3, 34 },
		{ 3, UINT_MAX },
	};
	int i, j;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		const int is = changes[i].is;
		struct nspid ids;

		self->becomes = changes[i].becomes;
		EXPECT_EQ(self->free[2],
			  spawn_in_flight(_metadata, self, is, &ids)) {
			TH_LOG("num_pids %d becomes %u", is, self->becomes);
		}
		EXPECT_EQ(self->becomes, *self->num_pids);
		for (j = 0; j < DEPTH; j++) {
			if (j >= DEPTH - is) {
				EXPECT_EQ(self->free[j], ids.pid[j]);
			} else {
				EXPECT_NE(self->free[j], ids.pid[j]);
			}
		}
	}
}

/*
 * 16: a signal that is there when the set has been copied, and no child yet,
 * makes the call start again after its handler, which changes the set.
 */
static struct {
	__u32 *num_pids;
	struct any_set set;
	int handled;
} restart;

static void change_set(int sig)
{
	restart.handled++;
	*restart.num_pids = restart.set.num_pids;
	memcpy(restart.num_pids + 1, restart.set.pids,
	       restart.set.num_pids * sizeof(*restart.set.pids));
}

TEST_F(in_flight, signal_makes_it_read_again)
{
	const pid_t *free = self->free;
	const struct any_set *sets[] = {
		SET(free[0]), SET(free[1], free[2], free[0]),
		SET(0, free[0], free[1]), SET(),
	};
	const struct sigaction action = { .sa_handler = change_set };
	struct nspid ids;
	int i, j, pid;

	self->signalled = syscall(SYS_gettid);
	self->becomes = DEPTH;
	restart.num_pids = self->num_pids;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		const int first = DEPTH - sets[i]->num_pids;

		restart.set = *sets[i];
		restart.handled = 0;
		pid = spawn_in_flight(_metadata, self, DEPTH, &ids);
		EXPECT_LT(0, pid);
		EXPECT_EQ(1, restart.handled);
		for (j = 0; j < DEPTH; j++) {
			const pid_t chosen = j < first ? 0 :
					     sets[i]->pids[j - first];

			if (chosen) {
				EXPECT_EQ(chosen, ids.pid[j]);
			} else {
				EXPECT_NE(free[j], ids.pid[j]);
			}
		}
	}

	/* what it reads then is judged anew, too */
	restart.set = *SET(-1);
	EXPECT_EQ(-EINVAL, spawn_in_flight(_metadata, self, DEPTH, &ids));
}

/*
 * What a child says of itself, and of what it must not get rid of: created by
 * this call, or by clone().
 */
struct confined {
	char lines[2048];
	int securebits, rlimit;
};

static void describe(struct confined *c)
{
	static const char * const keep[] = {
		"Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp",
	};
	FILE *f = fopen("/proc/self/status", "re");
	struct rlimit limit = {};
	char line[256];
	int i;

	while (f && fgets(line, sizeof(line), f))
		for (i = 0; i < ARRAY_SIZE(keep); i++)
			if (!strncmp(line, keep[i], strlen(keep[i])))
				strncat(c->lines, line, sizeof(c->lines) -
					strlen(c->lines) - 1);
	getrlimit(RLIMIT_CORE, &limit);
	c->rlimit = limit.rlim_cur;
	c->securebits = prctl(PR_GET_SECUREBITS);
	_exit(!f);
}

static int install(const struct sock_filter *insns, unsigned short len,
		   unsigned int flags)
{
	const struct sock_fprog prog = { len, (struct sock_filter *)insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static const char *lacks_filters(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) && errno == EFAULT)
		return NULL;
	return "kernel without CONFIG_SECCOMP_FILTER";
}

/* 17 */
TEST(child_is_confined_as_its_parent)
{
	static const struct sock_filter allow[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct rlimit limit = { 4242, 4242 };
	const gid_t groups[] = { 7, 77, 777 };
	struct confined *child = shared(2 * sizeof(*child));
	pid_t pid, free = free_pid();

	SKIP_IF(return, lacks_call(__NR_clone_with_pids) ?: lacks_filters());
	ASSERT_EQ(0, setgroups(3, groups));
	ASSERT_EQ(0, setrlimit(RLIMIT_CORE, &limit));
	ASSERT_EQ(0, prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT));
	ASSERT_EQ(0, prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
	ASSERT_EQ(0, prctl(PR_SET_KEEPCAPS, 1));
	ASSERT_EQ(0, setresuid(USER, USER, USER));
	keep_caps(CAP_BIT(CAP_CHECKPOINT_RESTORE));
	ASSERT_EQ(0, install(allow, ARRAY_SIZE(allow), 0));

	pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid)
		describe(&child[0]);
	EXPECT_EQ(0, wait_exit(pid));
	pid = clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, SET(free));
	if (!pid)
		describe(&child[1]);
	ASSERT_EQ(free, pid);
	EXPECT_EQ(0, wait_exit(pid));

	EXPECT_TRUE(!!strstr(child[0].lines, "NoNewPrivs:\t1\n"));
	EXPECT_TRUE(!!strstr(child[0].lines, "Seccomp:\t2\n"));
	EXPECT_TRUE(!!strstr(child[0].lines, "Groups:\t7 77 777 "));
	EXPECT_STREQ(child[0].lines, child[1].lines);
	EXPECT_EQ(4242, child[0].rlimit);
	EXPECT_EQ(4242, child[1].rlimit);
	EXPECT_EQ(child[0].securebits, child[1].securebits);
}

TEST(child_is_in_the_cgroup_of_its_parent)
{
	char path[64], line[128] = "";
	pid_t pid, free = free_pid();
	FILE *f;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	if (mkdir(CGROUP, 0755))
		SKIP(return, "no cgroup2 at " CGROUP_ROOT);
	EXPECT_EQ(0, write_str(CGROUP "cgroup.procs", "0"));
	pid = hold(SET(free));
	EXPECT_EQ(free, pid);
	EXPECT_EQ(0, write_str(CGROUP_ROOT "cgroup.procs", "0"));

	snprintf(path, sizeof(path), "/proc/%d/cgroup", free);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f) && strncmp(line, "0::", 3))
		;
	EXPECT_STREQ("0::/clone_with_pids_test\n", line);
	if (f)
		fclose(f);
	let_go(pid);
	EXPECT_EQ(0, rmdir(CGROUP));
}

/* The hooks of security modules, as one of them shows: no file may be read. */
TEST(child_is_in_the_landlock_domain_of_its_parent)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	pid_t pid, free = free_pid();
	int rules, i;

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0)
		SKIP(return, "kernel without CONFIG_SECURITY_LANDLOCK");
	for (i = 0; i < 2; i++) {
		pid = clone_with_pids(SIGCHLD, NULL, NULL, NULL, 0, SET(free));
		if (!pid)
			_exit(open("/proc/self/status", O_RDONLY) < 0 ? errno : 0);
		EXPECT_EQ(free, pid);
		EXPECT_EQ(i ? EACCES : 0, wait_exit(pid));
		if (!i) {
			ASSERT_EQ(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
			ASSERT_EQ(0, syscall(SYS_landlock_restrict_self, rules, 0));
		}
	}
}

/* 18: limits on user namespaces that hold for any call. */
#define MAX_USER_NAMESPACES	"/proc/sys/user/max_user_namespaces"
#define UNPRIVILEGED		"/proc/sys/kernel/unprivileged_userns_clone"

FIXTURE(limit)
{
	int max, unprivileged;
};

FIXTURE_SETUP(limit)
{
	const char *missing = lacks_call(__NR_clone_with_pids);

	self->max = read_int(MAX_USER_NAMESPACES);
	self->unprivileged = read_int(UNPRIVILEGED);
	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_LT(0, self->max);
}

FIXTURE_TEARDOWN_PARENT(limit)
{
	EXPECT_EQ(0, write_int(MAX_USER_NAMESPACES, self->max));
	if (self->unprivileged >= 0)
		EXPECT_EQ(0, write_int(UNPRIVILEGED, self->unprivileged));
}

static void expect_no_user_namespace(struct __test_metadata *const _metadata,
				     int err)
{
	struct nspid ids;

	EXPECT_EQ(-1, syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL,
			      NULL, NULL));
	EXPECT_EQ(err, errno);
	EXPECT_EQ(-err, clone3_set_tid(CLONE_NEWUSER, NULL, 0));
	EXPECT_EQ(-err, spawn(CLONE_NEWUSER, NULL, &ids));
	EXPECT_EQ(-err, spawn(CLONE_NEWUSER, SET(0), &ids));
	EXPECT_LT(0, spawn(0, SET(0), &ids));
}

TEST_F(limit, on_number_of_user_namespaces)
{
	struct nspid ids;

	EXPECT_LT(0, spawn(CLONE_NEWUSER, SET(0), &ids));
	ASSERT_EQ(0, write_int(MAX_USER_NAMESPACES, 0));
	expect_no_user_namespace(_metadata, ENOSPC);
}

TEST_F(limit, to_privileged)
{
	if (self->unprivileged < 0)
		SKIP(return, "kernel without " UNPRIVILEGED);
	ASSERT_EQ(0, write_int(UNPRIVILEGED, 0));
	ASSERT_EQ(0, prctl(PR_SET_KEEPCAPS, 1));
	become(USER);
	keep_caps(CAP_BIT(CAP_CHECKPOINT_RESTORE));
	expect_no_user_namespace(_metadata, EPERM);
}

/* 19 to 22: seccomp, through each entry that the program has. */

FIXTURE(seccomp)
{
	pid_t free;
	struct any_set *set;	/* where 32 bits can point to */
};

FIXTURE_VARIANT(seccomp)
{
	bool int80;
	__u32 arch;
	long clone, unshare, clone3, clone_with_pids;
};

FIXTURE_VARIANT_ADD(seccomp, native) {
#ifdef __x86_64__
	.arch = AUDIT_ARCH_X86_64,
#else
	.arch = AUDIT_ARCH_I386,
#endif
	.clone = SYS_clone,
	.unshare = SYS_unshare,
	.clone3 = SYS_clone3,
	.clone_with_pids = __NR_clone_with_pids,
};

#ifdef __x86_64__
FIXTURE_VARIANT_ADD(seccomp, x32) {
	.arch = AUDIT_ARCH_X86_64,
	.clone = X32_BIT | SYS_clone,
	.unshare = X32_BIT | SYS_unshare,
	.clone3 = X32_BIT | SYS_clone3,
	.clone_with_pids = X32_BIT | __NR_clone_with_pids,
};

FIXTURE_VARIANT_ADD(seccomp, ia32) {
	.int80 = true,
	.arch = AUDIT_ARCH_I386,
	.clone = 120,
	.unshare = 310,
	.clone3 = 435,
	.clone_with_pids = __NR_clone_with_pids,
};
#endif

FIXTURE_SETUP(seccomp)
{
	const char *missing = lacks_call(variant->int80 ? __NR_clone_with_pids :
					 variant->clone_with_pids) ?:
			      lacks_filters();

#ifdef __x86_64__
	if (!missing && variant->int80)
		missing = lacks_int80();
#endif
	if (missing)
		SKIP(return, "%s", missing);
	self->free = free_pid();
	self->set = mmap(NULL, sizeof(*self->set), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS
#ifdef __x86_64__
			 | MAP_32BIT
#endif
			 , -1, 0);
	ASSERT_TRUE((void *)self->set != MAP_FAILED);
}

FIXTURE_TEARDOWN(seccomp)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

/* Through the variant's entry; a failure is the negative errno. */
static int enter(const FIXTURE_VARIANT(seccomp) *variant, long nr,
		 unsigned long a1, unsigned long a2, const void *a6)
{
	long rc;

#ifdef __x86_64__
	if (variant->int80)
		return int80(nr, a1, a2, 0, 0, 0, (unsigned long)a6);
#endif
	rc = syscall(nr, a1, a2, NULL, NULL, NULL, a6);
	return rc < 0 ? -errno : rc;
}

/* The same for those that fork: the child only exits. */
static int enter_fork(const FIXTURE_VARIANT(seccomp) *variant, long nr,
		      unsigned long flags, const void *set)
{
	int pid = enter(variant, nr, flags | SIGCHLD, 0, set);

	if (!pid)
		_exit(0);
	if (pid > 0 && wait_exit(pid))
		return -ECHILD;
	return pid;
}

/* The same for unshare(), by a child. */
static int enter_unshare(const FIXTURE_VARIANT(seccomp) *variant,
			 unsigned long flags)
{
	pid_t pid = fork();

	if (!pid)
		_exit(-enter(variant, variant->unshare, flags, 0, NULL));
	return -wait_exit(pid);
}

#define LOAD_FIELD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

/* 19 */
TEST_F(seccomp, filter_sees_flags)
{
	const struct sock_filter insns[] = {
		LOAD_FIELD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, variant->arch, 0, 5),
		LOAD_FIELD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, variant->clone_with_pids,
			 0, 3),
		LOAD_FIELD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWPID, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | EXDEV),
		RETURN(SECCOMP_RET_ALLOW),
	};

	*self->set = *SET(self->free);
	EXPECT_EQ(self->free, enter_fork(variant, variant->clone_with_pids,
					 CLONE_NEWPID, self->set));
	ASSERT_EQ(0, install(insns, ARRAY_SIZE(insns), 0));
	EXPECT_EQ(-EXDEV, enter_fork(variant, variant->clone_with_pids,
				     CLONE_NEWPID, self->set));
	EXPECT_EQ(self->free, enter_fork(variant, variant->clone_with_pids, 0,
					 self->set));
}

#ifdef __x86_64__
#define HIGH_BITS 0xdeadbeef00000000

/*
 * 19: the high half of args[0] is what the program has put there, and means
 * nothing. In abi_test and flags_test the call ignores it; clone() does here.
 */
TEST_F(seccomp, filter_sees_high_bits)
{
	const struct sock_filter insns[] = {
		LOAD_FIELD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, variant->arch, 0, 5),
		LOAD_FIELD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, variant->clone_with_pids,
			 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[0]) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HIGH_BITS >> 32, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | EXDEV),
		RETURN(SECCOMP_RET_ALLOW),
	};

	EXPECT_LT(0, enter_fork(variant, variant->clone, HIGH_BITS, NULL));
	EXPECT_LT(0, enter_fork(variant, variant->clone_with_pids, HIGH_BITS,
				NULL));
	ASSERT_EQ(0, install(insns, ARRAY_SIZE(insns), 0));
	EXPECT_EQ(-EXDEV, enter_fork(variant, variant->clone_with_pids,
				     HIGH_BITS, NULL));
	EXPECT_LT(0, enter_fork(variant, variant->clone_with_pids, 0, NULL));
}
#endif

/* The caller of a filter with a supervisor, in a process of its own. */
static int call_supervised(const FIXTURE_VARIANT(seccomp) *variant,
			   const struct any_set *set, __u32 action,
			   unsigned int flags, int *listener)
{
	const struct sock_filter insns[] = {
		LOAD_FIELD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, variant->clone_with_pids,
			 0, 1),
		RETURN(action),
		RETURN(SECCOMP_RET_ALLOW),
	};
	int rc = install(insns, ARRAY_SIZE(insns), flags);

	if (rc < 0)
		return rc;
	__atomic_store_n(listener, rc, __ATOMIC_SEQ_CST);
	return enter_fork(variant, variant->clone_with_pids, CLONE_IO, set);
}

/* 20: a supervisor reads the set, lets the call go on, and the set changes. */
TEST_F(seccomp, supervisor_reads_the_set)
{
	int *listener = shared(2 * sizeof(*listener)), *result = listener + 1;
	struct seccomp_notif req = {};
	struct seccomp_notif_resp resp = {
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
	};
	struct iovec here, there;
	struct any_set seen = {};
	pid_t pid;

	*listener = -1;
	*self->set = *SET(0);
	/* which shares its file descriptors */
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	ASSERT_LE(0, pid);
	if (!pid) {
		*result = call_supervised(variant, self->set,
					  SECCOMP_RET_USER_NOTIF,
					  SECCOMP_FILTER_FLAG_NEW_LISTENER,
					  listener);
		_exit(0);
	}
	while (__atomic_load_n(listener, __ATOMIC_SEQ_CST) < 0)
		usleep(1000);
	ASSERT_EQ(0, ioctl(*listener, SECCOMP_IOCTL_NOTIF_RECV, &req));
	EXPECT_EQ(variant->clone_with_pids, req.data.nr);
	EXPECT_EQ(CLONE_IO | SIGCHLD, (__u32)req.data.args[0]);

	here = (struct iovec){ &seen, sizeof(struct pid_set) + sizeof(pid_t) };
	there = (struct iovec){ (void *)(unsigned long)req.data.args[5],
				here.iov_len };
	EXPECT_EQ(here.iov_len, process_vm_readv(req.pid, &here, 1, &there, 1,
						 0));
	EXPECT_EQ(1, seen.num_pids);
	EXPECT_EQ(0, seen.pids[0]);

	*self->set = *SET(self->free);
	resp.id = req.id;
	ASSERT_EQ(0, ioctl(*listener, SECCOMP_IOCTL_NOTIF_SEND, &resp));
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(self->free, *result);
}

/* 20: and so does a tracer. */
TEST_F(seccomp, tracer_reads_the_set)
{
	struct __ptrace_syscall_info info;
	int *result = shared(sizeof(*result)), none, status;
	pid_t pid;

	*self->set = *SET(0);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		*result = call_supervised(variant, self->set,
					  SECCOMP_RET_TRACE, 0, &none);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, ptrace(PTRACE_SETOPTIONS, pid, 0,
			    PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, 0, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(SIGTRAP | PTRACE_EVENT_SECCOMP << 8, status >> 8);
	ASSERT_LT(0, ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info));
	EXPECT_EQ(PTRACE_SYSCALL_INFO_SECCOMP, info.op);
	EXPECT_EQ(variant->arch, info.arch);
	EXPECT_EQ(variant->clone_with_pids, info.seccomp.nr);
	EXPECT_EQ(CLONE_IO | SIGCHLD, (__u32)info.seccomp.args[0]);
	EXPECT_EQ(1, (__u32)ptrace(PTRACE_PEEKDATA, pid,
				   (void *)(long)info.seccomp.args[5], 0));

	*self->set = *SET(self->free);
	do {
		ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, 0, 0));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	} while (WIFSTOPPED(status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(self->free, *result);
}

/*
 * 21: a filter of before there was the call, of the kind of systemd's
 * RestrictNamespaces=. Its errno is another than the kernel's, to tell them
 * apart.
 */
static int install_old_filter(const FIXTURE_VARIANT(seccomp) *variant)
{
	const struct sock_filter insns[] = {
		LOAD_FIELD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, variant->clone3, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, variant->clone, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, variant->unshare, 0, 4),
		LOAD_FIELD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 1, 2),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		RETURN(SECCOMP_RET_ERRNO | EACCES),
		RETURN(SECCOMP_RET_ALLOW),
	};

	return install(insns, ARRAY_SIZE(insns), 0);
}

static void expect_old_filter(struct __test_metadata *const _metadata,
			      const FIXTURE_VARIANT(seccomp) *variant)
{
	EXPECT_EQ(-EACCES, enter_fork(variant, variant->clone, CLONE_NEWUSER,
				      NULL));
	EXPECT_EQ(-EACCES, enter_unshare(variant, CLONE_NEWUSER));
	EXPECT_EQ(-ENOSYS, enter(variant, variant->clone3, 0, 0, NULL));
	EXPECT_LT(0, enter_fork(variant, variant->clone, 0, NULL));
}

/* Whoever has no privilege is confined as before, and may ask for the call. */
static void expect_confined(struct __test_metadata *const _metadata,
			    FIXTURE_DATA(seccomp) *self,
			    const FIXTURE_VARIANT(seccomp) *variant)
{
	const unsigned long flags[] = {
		CLONE_NEWUSER, CLONE_NEWUSER | CLONE_NEWPID,
		CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET, 0,
	};
	const struct {
		const char *name;
		const struct any_set *set;
	} sets[] = {
		{ "no pids", SET() }, { "any pid", SET(0) },
		{ "free pid", SET(self->free) }, { "pid 1", SET(1) },
		{ "negative pid", SET(-1) },
	};
	const long nr = variant->clone_with_pids;
	int i, j;

	/* What the filter keeps it from, it could do without. */
	EXPECT_LT(0, enter_fork(variant, variant->clone, CLONE_NEWUSER, NULL));
	EXPECT_EQ(0, enter_unshare(variant, CLONE_NEWUSER));
	ASSERT_EQ(0, install_old_filter(variant));
	expect_old_filter(_metadata, variant);

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(-EPERM, enter_fork(variant, nr, flags[i], NULL));
		for (j = 0; j < ARRAY_SIZE(sets); j++) {
			*self->set = *sets[j].set;
			EXPECT_EQ(-EPERM, enter_fork(variant, nr, flags[i],
						     self->set)) {
				TH_LOG("flags %#lx, %s", flags[i], sets[j].name);
			}
		}
		self->set->num_pids = UINT_MAX;
		EXPECT_EQ(-EINVAL, enter_fork(variant, nr, flags[i], self->set));
	}
}

TEST_F(seccomp, old_filter_confines_unprivileged)
{
	become(USER);
	expect_confined(_metadata, self, variant);
}

/* Bubblewrap's, for one: in namespaces of its own, it gives up what it has. */
TEST_F(seccomp, old_filter_confines_who_dropped_privilege)
{
	become(USER);
	must_unshare_as_same_user(CLONE_NEWUSER | CLONE_NEWPID);
	go_on_as_child();
	go_on_as_child();
	EXPECT_LT(0, enter_fork(variant, variant->clone_with_pids,
				CLONE_NEWUSER, NULL));
	keep_caps(0);
	expect_confined(_metadata, self, variant);
}

/* It does not confine who has privilege: it lets through what it is to stop. */
TEST_F(seccomp, old_filter_and_privilege)
{
	char mine[64] = {}, its[64] = {};
	int pid;

	ASSERT_EQ(0, install_old_filter(variant));
	expect_old_filter(_metadata, variant);
	ASSERT_LT(0, readlink("/proc/self/ns/user", mine, sizeof(mine) - 1));
	pid = enter(variant, variant->clone_with_pids, CLONE_NEWUSER | SIGCHLD,
		    0, NULL);
	if (!pid)
		_exit(readlink("/proc/self/ns/user", its, sizeof(its) - 1) < 0 ||
		      !strcmp(mine, its));
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, wait_exit(pid));
}

/* 21: the documented filter stops them all, and nothing else. */
static const unsigned long harmless[] = {
	0, CLONE_IO, CLONE_NEWPID, CLONE_NEWNS,
#ifdef __x86_64__
	HIGH_BITS, HIGH_BITS | CLONE_NEWPID,
#endif
};

TEST_F(seccomp, documented_filter)
{
	const long forks[] = { variant->clone, variant->clone_with_pids };
	int i, j, filtered;

	*self->set = *SET(self->free);
	for (filtered = 0; filtered < 2; filtered++) {
		const int err = filtered ? -EPERM : 0;

		if (filtered)
			ASSERT_EQ(0, install(no_user_namespaces,
					     ARRAY_SIZE(no_user_namespaces),
					     0));
		for (i = 0; i < ARRAY_SIZE(harmless); i++) {
			const unsigned long newuser = harmless[i] | CLONE_NEWUSER;

			for (j = 0; j < ARRAY_SIZE(forks); j++) {
				int rc = enter_fork(variant, forks[j],
						    harmless[i], self->set);

				EXPECT_LT(0, rc);
				rc = enter_fork(variant, forks[j], newuser,
						self->set);
				EXPECT_EQ(err, rc < 0 ? rc : 0) {
					TH_LOG("call %ld, flags %#lx",
					       forks[j], newuser);
				}
			}
		}
		EXPECT_EQ(0, enter_unshare(variant, CLONE_NEWNS));
		EXPECT_EQ(err, enter_unshare(variant, CLONE_NEWUSER));
		/* no room for a struct clone_args */
		EXPECT_EQ(filtered ? -ENOSYS : -EINVAL,
			  enter(variant, variant->clone3, 0, 0, NULL));
		EXPECT_EQ(self->free, enter_fork(variant,
						 variant->clone_with_pids, 0,
						 self->set));
	}
}

/* 22: what programs with a filter that lists what it permits live with. */
struct listed {
	int probe, call, clone3;
};

static void call_unlisted(const FIXTURE_VARIANT(seccomp) *variant,
			  struct any_set *set, __u32 action,
			  struct listed *result)
{
	const struct sock_filter insns[] = {
		LOAD_FIELD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_wait4, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 1, 0),
		RETURN(action),
		RETURN(SECCOMP_RET_ALLOW),
	};
	pid_t pid = set->pids[0];

	if (install(insns, ARRAY_SIZE(insns), 0))
		_exit(1);
	set->num_pids = UINT_MAX;
	result->probe = enter_fork(variant, variant->clone_with_pids, 0, set);
	set->num_pids = 1;
	result->call = enter_fork(variant, variant->clone_with_pids, 0, set);
	pid = clone3_set_tid(0, &pid, 1);
	if (pid) {
		result->clone3 = pid;
		syscall(SYS_wait4, pid, NULL, 0, NULL);
	}
	_exit(0);
}

TEST_F(seccomp, filter_that_lists_others)
{
	struct listed *result = shared(sizeof(*result));
	const struct {
		const char *name;
		__u32 action;
	} rows[] = {
		{ "ENOSYS", SECCOMP_RET_ERRNO | ENOSYS },
		{ "EPERM", SECCOMP_RET_ERRNO | EPERM },
		{ "kill", SECCOMP_RET_KILL_PROCESS },
	};
	pid_t pid;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const int err = rows[i].action & SECCOMP_RET_DATA;

		*self->set = *SET(self->free);
		memset(result, 0, sizeof(*result));
		pid = fork();
		if (!pid)
			call_unlisted(variant, self->set, rows[i].action, result);
		if (!err) {
			EXPECT_EQ(128 + SIGSYS, wait_exit(pid)) {
				TH_LOG("%s", rows[i].name);
			}
			continue;
		}
		EXPECT_EQ(0, wait_exit(pid)) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(-err, result->probe) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(-err, result->call) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(self->free, result->clone3) {
			TH_LOG("%s", rows[i].name);
		}
	}
}

/* 22: the oldest such list is the kernel's own. */
TEST_F(seccomp, strict_mode)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		enter(variant, variant->clone_with_pids, SIGCHLD, 0, NULL);
		syscall(SYS_exit, 0);
	}
	EXPECT_EQ(128 + SIGKILL, wait_exit(pid));
}

TEST_HARNESS_MAIN
