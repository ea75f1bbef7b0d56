// SPDX-License-Identifier: GPL-2.0
/*
 * How restart has the steps of its plan taken, each by the task that it is for.
 * Each task waits in obey() for its turn, and so does each newborn, as soon as it
 * exists. In its turn, a task takes all steps in a row that are its own. The next
 * turn comes when it has done so, and the newborns have told who they are.
 *
 * They wait for three things at once: for their turn, for the whole tree to
 * stand, and for restart to be gone, even by SIGKILL. For that, a word in shared
 * memory is on its list of robust futexes: the kernel marks it when restart ends.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/futex.h>
#include <linux/sched.h>

#include "restart.h"

#define TURN_SECONDS	10
#define TURN_STEPS	64	/* at most */
#define STACK_SIZE	16384

/* What all of them share. */
struct stage {
	struct robust_list robust;	/* that of restart has this, */
	unsigned int alive;		/* and so the kernel knows of this */
	unsigned int stands;		/* the tree is complete */
	unsigned int over;		/* it shall end */
	unsigned int done;		/* the step that was taken last in a turn */
	int error;			/* that it met */
	unsigned int born;		/* newborns that are there */
	unsigned int awaited;		/* so many that restart waits for */
	struct {
		unsigned int turn;	/* the first step that this actor is to take */
		pid_t pid;		/* as restart sees it; 0: is not there */
		pid_t proc;		/* as /proc shows it */
	} actor[];
};

enum method method;
int proc_index;
static pid_t proc_self;		/* restart in its /proc */
static struct stage *stage;
static sigset_t ending;		/* signals that end it */
static sigset_t old_mask;

/*
 * The /proc that is mounted here may be that of an older pid namespace: then this
 * process has several ids in there, and the first of them is its name.
 */
void find_self(void)
{
	char self[16] = "";
	struct status st;

	if (readlink("/proc/self", self, sizeof(self) - 1) < 0 || read_status(&st, "/proc/self") ||
	    ids_last(&st.pid) != getpid())
		errx(EXIT_FAILURE, "/proc does not show this pid namespace: mount it anew");
	proc_self = atoi(self);
	proc_index = st.pid.num - 1;
}

/* Lets the kernel set FUTEX_OWNER_DIED in stage->alive when this process ends. */
static void watch_over_self(void)
{
	static struct robust_list_head head;

	head.list.next = &stage->robust;
	stage->robust.next = &head.list;
	head.futex_offset = (char *)&stage->alive - (char *)&stage->robust;
	stage->alive = getpid() | FUTEX_WAITERS;
	if (syscall(SYS_set_robust_list, &head, sizeof(head)))
		err(EXIT_FAILURE, "set_robust_list");
}

/* Creates what the tasks share, and keeps signals from restart but not from them. */
void set_stage(const sigset_t *signals)
{
	sigset_t set = *signals;

	stage = mmap(NULL, sizeof(*stage) + num_actors * sizeof(stage->actor[0]),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	ending = *signals;
	watch_over_self();
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old_mask);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* The pid of an actor as restart sees it. */
pid_t pid_of(int i)
{
	return stage->actor[i].pid;
}

static void futex(unsigned int *word, int op, unsigned int value, const struct timespec *timeout)
{
	syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

static void wake(unsigned int *word)
{
	futex(word, FUTEX_WAKE, INT_MAX, NULL);
}

static void report(unsigned int nr, int error)
{
	stage->error = error;
	__atomic_store_n(&stage->done, nr, __ATOMIC_RELEASE);
	wake(&stage->done);
}

static void __noreturn obey(int me);

static struct futex_waitv waiting_for(unsigned int *word, unsigned int value)
{
	return (struct futex_waitv){
		.uaddr = (unsigned long)word, .val = value, .flags = FUTEX_32,
	};
}

/* Until the tree is to end, or a signal comes that kills. */
static void __noreturn sleep_for_ever(void)
{
	while (!__atomic_load_n(&stage->over, __ATOMIC_ACQUIRE))
		futex(&stage->over, FUTEX_WAIT, 0, NULL);
	syscall(SYS_exit_group, 0);
	__builtin_unreachable();
}

/* Waits for the next turn of this actor. */
static unsigned int await_turn(unsigned int *turn, unsigned int last)
{
	for (;;) {
		unsigned int nr = __atomic_load_n(turn, __ATOMIC_ACQUIRE);
		unsigned int alive = __atomic_load_n(&stage->alive, __ATOMIC_ACQUIRE);
		struct futex_waitv waitv[] = {
			waiting_for(turn, last),
			waiting_for(&stage->alive, alive),
			waiting_for(&stage->stands, 0),
		};

		if (__atomic_load_n(&stage->stands, __ATOMIC_ACQUIRE))
			sleep_for_ever();
		if (alive & FUTEX_OWNER_DIED) {
			wake(&stage->alive);	/* the kernel wakes only one */
			syscall(SYS_exit_group, 0);
		}
		if (nr != last)
			return nr;
		syscall(SYS_futex_waitv, waitv, 3, 0, NULL, 0);
	}
}

/* What a newborn of restart must not keep: its terminal, its files, its signal mask. */
static void cut_loose(void)
{
	int null = open("/dev/null", O_RDWR);
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	close_range(3, ~0U, 0);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
}

/* The same, through calls that were there before: to compare what they cost. */
static pid_t fork_with_clone3(int flags, const struct ids *pid)
{
	pid_t set_tid[MAX_LEVELS];
	struct clone_args args = {
		.flags = flags,
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
		.set_tid = (unsigned long)set_tid,
		.set_tid_size = pid->num,
	};
	unsigned int i;
	pid_t child;

	/* From the youngest to the oldest, and the 1 of a new namespace is in it. */
	for (i = 0; i < pid->num; i++)
		set_tid[i] = pid->nr[pid->num - 1 - i];
	child = syscall(SYS_clone3, &args, sizeof(args));
	if (child < 0 && errno == EEXIST)
		errno = EBUSY;
	return child;
}

static pid_t fork_with_ns_last_pid(int flags, const struct ids *pid)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	pid_t child;

	if (fd < 0)
		return -1;
	if (dprintf(fd, "%d", pid->nr[0] - 1) < 0) {
		close(fd);
		return -1;
	}
	close(fd);
	child = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
	if (child > 0 && child != pid->nr[0]) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		errno = EBUSY;
		return -1;
	}
	/* The wrong child must not speak up before it is killed. */
	if (!child && getpid() != pid->nr[0])
		for (;;)
			pause();
	return child;
}

static pid_t fork_actor(const struct actor *a, int flags)
{
	struct ids want = a->task.pid;

	switch (method) {
	case CLONE3:
		return fork_with_clone3(flags, &want);
	case NS_LAST_PID:
		return fork_with_ns_last_pid(flags, &want);
	default:
		if (flags & CLONE_NEWPID)
			want.num--;
		return fork_with_pids(flags, &want);
	}
}

/* Another pid for a helper whose own is taken, at all levels. */
static bool choose_anew(struct actor *a)
{
	pid_t pid = next_spare(ids_last(&a->task.pid));
	unsigned int i;

	for (i = 0; i < a->task.pid.num; i++)
		a->task.pid.nr[i] = pid;
	return pid;
}

/* The newborn is there when it can be killed by its number. */
static void report_birth(void)
{
	unsigned int born = __atomic_add_fetch(&stage->born, 1, __ATOMIC_SEQ_CST);

	if (born == __atomic_load_n(&stage->awaited, __ATOMIC_SEQ_CST))
		wake(&stage->born);
}

static int create_process(unsigned int nr)
{
	struct step *s = &step[nr - 1];
	struct actor *a = &actor[s->who];
	pid_t first = ids_last(&a->task.pid);
	char self[16] = "";
	struct status st;
	pid_t child;

	do {
		child = fork_actor(a, s->how);
	} while (child < 0 && errno == EBUSY && a->any_pid && choose_anew(a) &&
		 ids_last(&a->task.pid) != first);
	if (child < 0)
		return errno;
	if (child) {
		a->known_as = child;
		return 0;
	}

	if (s->actor == SELF)
		cut_loose();
	if (a->task.comm[0])
		prctl(PR_SET_NAME, a->task.comm);
	if (readlink("/proc/self", self, sizeof(self) - 1) < 0 ||
	    (proc_index && read_status(&st, "/proc/self")))
		_exit(EXIT_FAILURE);
	stage->actor[s->who].proc = atoi(self);
	stage->actor[s->who].pid = proc_index ? st.pid.nr[proc_index] : atoi(self);
	report_birth();
	obey(s->who);
}

static void __noreturn thread_main(unsigned int nr)
{
	prctl(PR_SET_NAME, actor[step[nr - 1].who].task.comm);
	report_birth();
	obey(step[nr - 1].who);
}

/*
 * A thread cannot return from the system call as C code would, on a stack that
 * is empty. So the kernel's part is in assembly, as in the C library's clone():
 * the newborn finds on its stack where to go, and with which argument.
 */
static int create_thread(unsigned int nr)
{
	const struct ids *want = &actor[step[nr - 1].who].task.pid;
	unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			      CLONE_THREAD | CLONE_SYSVSEM;
	union {
		struct pid_set set;
		pid_t room[1 + MAX_LEVELS];
	} u;
	unsigned long *stack;
	long ret;

	u.set.num_pids = want->num;
	memcpy(u.set.pids, want->nr, want->num * sizeof(want->nr[0]));
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return errno;
	stack += STACK_SIZE / sizeof(*stack);

#if defined(__x86_64__)
	/* In rdi, the argument; the stack is aligned to 16 bytes at the call. */
	*--stack = nr;
	*--stack = (unsigned long)thread_main;
	register long child_tid asm("r10") = 0;
	register long tls asm("r8") = 0;
	register struct pid_set *set asm("r9") = &u.set;

	asm volatile("syscall\n\t"
		     "test	%%rax, %%rax\n\t"
		     "jnz	1f\n\t"
		     "xor	%%ebp, %%ebp\n\t"
		     "pop	%%rax\n\t"
		     "pop	%%rdi\n\t"
		     "call	*%%rax\n\t"
		     "ud2\n"
		     "1:"
		     : "=a" (ret)
		     : "a" (__NR_clone_with_pids), "D" (flags), "S" (stack), "d" (0),
		       "r" (child_tid), "r" (tls), "r" (set)
		     : "rcx", "r11", "memory");
#elif defined(__i386__)
	/*
	 * On the stack, the argument. The set goes in ebp, which is the compiler's;
	 * edi would be tls, which is not read, and lends a hand.
	 */
	stack -= 4;
	*stack = nr;
	*--stack = (unsigned long)thread_main;

	asm volatile("push	%%ebp\n\t"
		     "mov	%%edi, %%ebp\n\t"
		     "int	$0x80\n\t"
		     "test	%%eax, %%eax\n\t"
		     "jnz	1f\n\t"
		     "xor	%%ebp, %%ebp\n\t"
		     "pop	%%eax\n\t"
		     "call	*%%eax\n\t"
		     "ud2\n"
		     "1:	pop	%%ebp"
		     : "=a" (ret)
		     : "a" (__NR_clone_with_pids), "b" (flags), "c" (stack), "d" (0),
		       "S" (0), "D" (&u.set)
		     : "memory");
#else
#error "clone_with_pids() is there on x86 only"
#endif
	return ret < 0 ? -ret : 0;
}

static int enter_ns(const struct step *s)
{
	char path[32] = "/proc/self/ns/pid";
	int fd, error;

	if (s->who != s->actor)
		snprintf(path, sizeof(path), "/proc/%d/ns/pid", stage->actor[s->who].proc);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = setns(fd, CLONE_NEWPID) ? errno : 0;
	close(fd);
	return error;
}

/* Ends this process by a signal, without a core dump. */
static int die(unsigned int nr, int sig)
{
	const struct rlimit no_core = {};
	sigset_t set;

	setrlimit(RLIMIT_CORE, &no_core);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	report(nr, 0);
	kill(getpid(), sig);
	syscall(SYS_exit_group, 128 + sig);
	__builtin_unreachable();
}

/* Takes one step. Returns an errno. */
static int take(unsigned int nr)
{
	const struct step *s = &step[nr - 1];
	struct actor *a = &actor[s->actor], *who = &actor[s->who];
	int ret = 0;

	switch (s->op) {
	case CLONE:
		return create_process(nr);
	case CLONE_THREAD_OF:
		return create_thread(nr);
	case SET_SID:
		ret = setsid();
		break;
	case SET_PGID:
		ret = setpgid(who->task.pid.nr[a->task.pid.num - 1], s->how);
		break;
	case ENTER:
		return enter_ns(s);
	case ADOPT:
		ret = prctl(PR_SET_CHILD_SUBREAPER, s->how);
		break;
	case END:
		if (WIFSIGNALED(s->how))
			return die(nr, WTERMSIG(s->how));
		report(nr, 0);
		syscall(SYS_exit, WEXITSTATUS(s->how));
		break;
	case REAP:
		do
			ret = waitpid(who->known_as, NULL, 0);
		while (ret < 0 && errno == EINTR);
		stage->actor[s->who].pid = 0;
		break;
	case SEND:
		ret = kill(stage->actor[s->who].pid, s->how);
		break;
	}
	return ret < 0 ? errno : 0;
}

/* A newborn must be there before its directory of /proc can be looked for. */
static bool finds_in_proc(const struct step *s)
{
	return s->op == ENTER && s->who != s->actor;
}

/* Takes the steps of this turn. Returns the last one, or that which met @error. */
static unsigned int take_turn(unsigned int nr, int *error)
{
	unsigned int first = nr;

	for (;; nr++) {
		*error = take(nr);
		if (*error || nr == (unsigned int)num_steps || nr + 1 == first + TURN_STEPS ||
		    step[nr].actor != step[first - 1].actor || finds_in_proc(&step[nr]))
			return nr;
	}
}

static void obey(int me)
{
	unsigned int *turn = &stage->actor[me].turn;
	unsigned int last = 0, nr;
	int error;

	for (;;) {
		last = await_turn(turn, last);
		nr = take_turn(last, &error);
		report(nr, error);
	}
}

/* Waits for one of these words to leave @value. Returns an errno. */
static int await_change(unsigned int *word, unsigned int value, time_t end)
{
	const struct timespec slice = { .tv_nsec = 100000000 };
	sigset_t pending;

	futex(word, FUTEX_WAIT, value, &slice);
	sigpending(&pending);
	sigandset(&pending, &pending, &ending);
	if (!sigisemptyset(&pending))
		return EINTR;
	return time(NULL) > end ? ETIMEDOUT : 0;
}

static int await_births(unsigned int first, unsigned int last, time_t end)
{
	unsigned int nr, born;
	int error = 0;

	for (nr = first; nr <= last; nr++)
		stage->awaited += step[nr - 1].op == CLONE || step[nr - 1].op == CLONE_THREAD_OF;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (!error && (born = __atomic_load_n(&stage->born, __ATOMIC_SEQ_CST)) < stage->awaited)
		error = await_change(&stage->born, born, end);
	return error;
}

/*
 * Has step @nr taken, and those after it that are in the same turn. Returns the
 * last one, or that which met @error, an errno.
 */
unsigned int direct(unsigned int nr, int *error)
{
	time_t end = time(NULL) + TURN_SECONDS;
	int me = step[nr - 1].actor, wrong = 0;
	unsigned int done, last;

	if (me == SELF) {
		last = take_turn(nr, error);
	} else {
		__atomic_store_n(&stage->actor[me].turn, nr, __ATOMIC_RELEASE);
		wake(&stage->actor[me].turn);
		while (!wrong && (done = __atomic_load_n(&stage->done, __ATOMIC_ACQUIRE)) < nr)
			wrong = await_change(&stage->done, done, end);
		*error = wrong ? wrong : stage->error;
		last = wrong ? nr : done;
	}
	if (!wrong)
		wrong = await_births(nr, *error ? last - 1 : last, end);
	if (!*error)
		*error = wrong;
	return last;
}

/* A zombie has reported before it was one, and who is to stop runs for a moment. */
static void await_state(int i, char state)
{
	struct status st;

	while (!read_actor(&st, i) && st.state != state)
		usleep(1000);
}

/* All steps have been taken: from now on, the tree stands by itself. */
void finish(void)
{
	int i;

	__atomic_store_n(&stage->stands, 1, __ATOMIC_RELEASE);
	wake(&stage->stands);
	for (i = 1; i < num_recorded; i++) {
		if (actor[i].task.kind == ZOMBIE)
			await_state(i, 'Z');
		else if (actor[i].task.stopped)
			await_state(i, 'T');
	}
}

int read_actor(struct status *st, int i)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", stage->actor[i].proc);
	return stage->actor[i].pid ? read_status(st, path) : -1;
}

/*
 * Nothing half done is left. All who can are told to end. The others are killed,
 * but only when they are children, for their numbers cannot have gone to others;
 * the orphans that this makes become children in turn.
 */
void undo(void)
{
	struct status st;
	bool found;
	int i;

	__atomic_or_fetch(&stage->alive, FUTEX_OWNER_DIED, __ATOMIC_RELEASE);
	wake(&stage->alive);
	__atomic_store_n(&stage->over, 1, __ATOMIC_RELEASE);
	wake(&stage->over);
	do {
		found = false;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		for (i = 1; i < num_actors; i++) {
			if (!stage->actor[i].pid)
				continue;
			if (read_actor(&st, i)) {
				stage->actor[i].pid = 0;
				continue;
			}
			if (st.ppid != proc_self)
				continue;
			found = true;
			kill(stage->actor[i].pid, SIGKILL);
		}
		if (found)
			usleep(1000);
	} while (found);
}
