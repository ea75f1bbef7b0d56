// SPDX-License-Identifier: GPL-2.0
/*
 * How checkpoint halts a tree of processes while it is read.
 *
 * With PTRACE_INTERRUPT rather than SIGSTOP or the cgroup freezer: no parent and
 * no shell can see it, jobs that were stopped before stay so, nothing has to be
 * moved to a cgroup, and if this program dies, the kernel lets the tree go on.
 *
 * Three things can go wrong between the tracer and the traced:
 *
 *   A thread that calls execve() ends the other threads, and waits until they are
 *   gone. Those that are traced are not before their tracer has waited for them;
 *   but he sleeps in PTRACE_SEIZE, which waits for the execve(). SIGCHLD gets him
 *   out: a handler does the waiting.
 *
 *   Nothing interrupts a parent in vfork(), until its child calls execve() or
 *   ends. So a child that was halted on its way there has to go on.
 *
 *   Some system calls return EINTR when they are interrupted, even though no
 *   signal comes. They are told to start again, where that changes nothing.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/kcmp.h>

#include "halt.h"

#define HALT_SECONDS	5
#define SLICE_MS	100	/* after which one looks what is in the way */

struct process *process;
int num_processes;

static void add_process(const struct status *st, void *arg)
{
	(void)arg;
	if (!(num_processes & 255)) {
		process = reallocarray(process, num_processes + 256, sizeof(*process));
		if (!process)
			err(EXIT_FAILURE, "%d processes", num_processes);
	}
	process[num_processes++] = (struct process){ .st = *st };
}

static int by_pid(const void *a, const void *b)
{
	const struct process *p = a, *q = b;

	return p->st.tgid - q->st.tgid;
}

struct process *find_process(pid_t pid)
{
	struct process wanted = { .st.tgid = pid };

	return bsearch(&wanted, process, num_processes, sizeof(wanted), by_pid);
}

static void mark_tree(struct process *p)
{
	p->in_tree = true;
	for (p = p->child; p; p = p->sibling)
		mark_tree(p);
}

static void read_processes(pid_t root)
{
	struct process *p, *parent;

	num_processes = 0;
	each_process(add_process, NULL);
	qsort(process, num_processes, sizeof(*process), by_pid);
	for (p = process + num_processes; p-- > process; ) {
		parent = find_process(p->st.ppid);
		if (parent && parent != p) {
			p->sibling = parent->child;
			parent->child = p;
		}
	}
	p = find_process(root);
	if (!p)
		errx(EXIT_FAILURE, "there is no process %d", root);
	if (p->st.kthread)
		errx(EXIT_FAILURE, "%d (%s) is a kernel thread", root, printable(p->st.comm));
	if (is_dead(&p->st))
		errx(EXIT_FAILURE, "%d (%s) is a zombie: nothing is left to write down", root,
		     printable(p->st.comm));
	mark_tree(p);
	p = find_process(getpid());
	if (p && p->in_tree)
		errx(EXIT_FAILURE, "it runs inside the tree of %d, and would halt itself", root);
}

/* The threads that are traced. */
struct tracee {
	pid_t pid, tid;
	bool halted;
	bool gone;
	bool stopped;		/* by a signal for job control */
	bool interrupted;	/* by PTRACE_INTERRUPT, and nothing else */
	int signal;		/* caught on its way to the thread */
};

static struct tracee *tracee;
static int num_tracees;
static int unsettled;		/* those that a look found, and not halted */
static sigset_t old_mask;

static struct map tracee_of;	/* tid -> index */

static struct tracee *find_tracee(pid_t tid)
{
	int i = map_find(&tracee_of, tid);

	return i < 0 ? NULL : &tracee[i];
}

static struct tracee *add_tracee(pid_t pid, pid_t tid)
{
	if (!(num_tracees & 255)) {
		tracee = reallocarray(tracee, num_tracees + 256, sizeof(*tracee));
		if (!tracee)
			err(EXIT_FAILURE, "%d threads", num_tracees);
	}
	tracee[num_tracees] = (struct tracee){ .pid = pid, .tid = tid };
	map_add(&tracee_of, tid, num_tracees);
	return &tracee[num_tracees++];
}

bool was_stopped(pid_t tid)
{
	const struct tracee *t = find_tracee(tid);

	return t && t->stopped;
}

bool may_be_asked(pid_t tid)
{
	const struct tracee *t = find_tracee(tid);

	return t && t->halted && t->interrupted;
}

/* Takes notice of who has halted, and who has ended instead. */
static void drain(void)
{
	struct tracee *t;
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		t = find_tracee(tid);
		if (!t)
			t = add_tracee(tid, tid);
		t->halted = WIFSTOPPED(status);
		t->gone = !t->halted;
		t->stopped = false;
		t->interrupted = status >> 8 == (SIGTRAP | PTRACE_EVENT_STOP << 8);
		if (!t->halted)
			continue;
		/* A stop without an event is a signal on its way; it must not be lost. */
		if (!(status >> 16))
			t->signal = WSTOPSIG(status);
		else if (status >> 16 == PTRACE_EVENT_STOP)
			t->stopped = WSTOPSIG(status) != SIGTRAP;
	}
}

static void on_sigchld(int sig)
{
	int error = errno;

	(void)sig;
	drain();
	errno = error;
}

/* Only here the handler of SIGCHLD runs, so it finds the table at rest. */
static int seize(pid_t tid)
{
	sigset_t sigchld;
	int ret;

	sigemptyset(&sigchld);
	sigaddset(&sigchld, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &sigchld, NULL);
	ret = ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACEEXEC);
	sigprocmask(SIG_BLOCK, &sigchld, NULL);
	return ret;
}

static void halt(const struct status *st, void *arg)
{
	pid_t tid = st->pid.nr[0];
	struct tracee *t = find_tracee(tid);

	(void)arg;
	if (st->state == 'Z' || st->state == 'X')
		return;
	if (t && t->halted && st->state == 't')
		return;
	unsettled++;
	if (t && !t->halted && !t->gone)
		return;

	/* One that was known got its number anew, by execve() or by chance. */
	if (t && !ptrace(PTRACE_INTERRUPT, tid, 0, 0)) {
		t->halted = false;
		t->gone = false;
		return;
	}
	/* Before seize(): it may halt, and be noticed, at once. */
	if (!t)
		t = add_tracee(st->tgid, tid);
	t->halted = false;
	t->gone = false;
	if (seize(tid) || ptrace(PTRACE_INTERRUPT, tid, 0, 0)) {
		int error = errno;
		struct status again;
		char path[48];

		find_tracee(tid)->gone = true;
		snprintf(path, sizeof(path), "/proc/%d/task/%d", st->tgid, tid);
		if (error == ESRCH || read_status(&again, path) || again.state == 'Z')
			return;
		if (error == EPERM)
			errx(EXIT_FAILURE,
			     "may not halt %d (%s): it needs CAP_SYS_PTRACE, and no debugger may be there before",
			     tid, printable(st->comm));
		errx(EXIT_FAILURE, "cannot halt %d (%s): %s", tid, printable(st->comm),
		     strerror(error));
	}
}

static bool is_settled(struct tracee *t)
{
	struct status st;
	char path[48];

	if (t->halted || t->gone)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/task/%d", t->pid, t->tid);
	t->gone = read_status(&st, path) || st.state == 'Z' || st.state == 'X';
	return t->gone;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Waits until all that were seized have halted or ended, but not for long. */
static struct tracee *await_halts(void)
{
	double end = now() + SLICE_MS / 1000.0;
	int first = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	for (;;) {
		const struct timespec pause = { .tv_nsec = 5000000 };
		int sig;

		drain();
		while (first < num_tracees && is_settled(&tracee[first]))
			first++;
		if (first == num_tracees)
			return NULL;
		if (now() > end)
			return &tracee[first];
		sig = sigtimedwait(&set, NULL, &pause);
		if (sig > 0 && sig != SIGCHLD) {
			let_go();
			raise(sig);
		}
	}
}

/* A child that shares the memory of @t, which is in vfork(), has to go on. */
static void free_vfork_child(const struct tracee *t)
{
	struct process *p = find_process(t->pid);
	struct tracee *child;

	for (p = p ? p->child : NULL; p; p = p->sibling) {
		child = find_tracee(p->st.tgid);
		if (!child || !child->halted || child->stopped ||
		    syscall(SYS_kcmp, t->tid, child->tid, KCMP_VM, 0, 0))
			continue;
		child->halted = false;
		ptrace(PTRACE_CONT, child->tid, 0, child->signal);
		child->signal = 0;
	}
}

/* What stands in a file as "KEY value", or as the only thing if @key is empty. */
static bool file_says(const char *path, const char *key, const char *value)
{
	char line[64];
	bool found = false;
	FILE *f = fopen(path, "re");
	size_t len = strlen(key);

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, key, len) &&
			!strncmp(line + len, value, strlen(value));
	if (f)
		fclose(f);
	return found;
}

/* Where the hierarchy of cgroup v1 that has the freezer is mounted, or NULL. */
static char *freezer_mount(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *found = NULL;
	size_t room = 0;

	while (f && !found && getline(&line, &room, f) > 0) {
		char where[256], *type = strstr(line, " - cgroup ");

		if (type && strstr(type, "freezer") &&
		    sscanf(line, "%*s %*s %*s %*s %255s", where) == 1)
			found = strdup(where);
	}
	if (f)
		fclose(f);
	free(line);
	return found;
}

/* The cgroup v1 that has frozen this process, to be freed, or NULL. */
static char *frozen_by(pid_t pid)
{
	char path[32], *line = NULL, *found = NULL;
	char *mount = freezer_mount();
	size_t room = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	f = fopen(path, "re");
	while (f && mount && !found && getline(&line, &room, f) > 0) {
		char *group = strchr(line, '/'), *state;

		if (!strstr(line, "freezer:") || !group)
			continue;
		group[strcspn(group, "\n")] = '\0';
		if (asprintf(&state, "%s%s/freezer.state", mount, group) < 0)
			break;
		if (file_says(state, "", "FR"))		/* FROZEN or FREEZING */
			found = strdup(group);
		free(state);
	}
	if (f)
		fclose(f);
	free(line);
	free(mount);
	return found;
}

/* Are there causes that will not go away? Then says so, and ends. */
static void look_for_cause(const struct tracee *t)
{
	struct process *p = find_process(t->pid);
	char *text = frozen_by(t->pid);

	if (text)
		errx(EXIT_FAILURE,
		     "%d is frozen, by the cgroup v1 freezer of %s: write THAWED to its freezer.state",
		     t->pid, text);
	text = p ? init_awaits(&p->st) : NULL;
	if (text)
		errx(EXIT_FAILURE,
		     "%d (%s), the first process of a pid namespace that comes to its end, waits for\n%s"
		     "  and cannot be written down any more",
		     t->pid, printable(p->st.comm), text);
}

static void __noreturn too_late(const struct tracee *t)
{
	struct status st = {};
	char path[48];

	if (!t)
		errx(EXIT_FAILURE,
		     "new processes come faster than they can be halted: freeze the cgroup that they are in\n"
		     "  (echo 1 >cgroup.freeze), and try again; thaw it afterwards");
	snprintf(path, sizeof(path), "/proc/%d/task/%d", t->pid, t->tid);
	read_status(&st, path);
	errx(EXIT_FAILURE,
	     "thread %d of process %d (%s, state %c) does not halt: it waits inside the kernel,\n"
	     "  for a device, a file server or, after vfork(), a child; try again when that is over",
	     t->tid, t->pid, printable(st.comm), st.state ? st.state : '?');
}

/*
 * Halts the tree. A process may fork until it has halted itself, so look again
 * until a look at the whole of /proc finds nobody new: all were halted during
 * that look, and what it saw is the tree.
 */
void halt_tree(pid_t root)
{
	struct sigaction act = { .sa_handler = on_sigchld };
	double start = now(), deadline = 0;
	sigset_t set;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &old_mask);
	sigaction(SIGCHLD, &act, NULL);
	atexit(let_go);

	for (;;) {
		struct tracee *t;

		unsettled = 0;
		read_processes(root);
		for (i = 0; i < num_processes; i++)
			if (process[i].in_tree)
				each_thread(process[i].st.tgid, halt, NULL);
		if (!unsettled)
			return;
		/* A large tree takes its time, but it does not grow for ever. */
		if (!deadline)
			deadline = now() + HALT_SECONDS + 3 * (now() - start);
		while ((t = await_halts())) {
			free_vfork_child(t);
			look_for_cause(t);
			if (now() > deadline)
				too_late(t);
		}
		if (now() > deadline)
			too_late(NULL);
	}
}

/* In the order of a call's arguments. */
static unsigned long argument(const struct user_regs_struct *regs, int i)
{
#ifdef __x86_64__
	if (regs->cs != 0x23) {
		const unsigned long arg[] = {
			regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8,
		};

		return arg[i];
	}
	const unsigned long arg[] = { regs->rbx, regs->rcx, regs->rdx, regs->rsi, regs->rdi };
#else
	const unsigned long arg[] = { regs->ebx, regs->ecx, regs->edx, regs->esi, regs->edi };
#endif
	return arg[i];
}

/*
 * The calls that return EINTR without a signal. They may start again when they
 * would wait for ever; others would wait longer than they were asked to.
 * @timeout is the argument that says so; -1: there is none.
 */
struct restartable {
	int nr;
	int timeout;
	bool in_ms;		/* -1 is for ever; elsewhere, that is NULL */
};

static bool waits_for_ever(const struct user_regs_struct *regs, long nr)
{
#ifdef __x86_64__
	static const struct restartable of_x86_64[] = {
		{ 65, -1 },		/* semop */
		{ 128, 2 },		/* rt_sigtimedwait */
		{ 208, 4 },		/* io_getevents */
		{ 220, 3 },		/* semtimedop */
		{ 232, 3, true },	/* epoll_wait */
		{ 281, 3, true },	/* epoll_pwait */
		{ 441, 3 },		/* epoll_pwait2 */
		{ }
	};
#endif
	static const struct restartable of_i386[] = {
		{ 177, 2 },		/* rt_sigtimedwait */
		{ 247, 4 },		/* io_getevents */
		{ 256, 3, true },	/* epoll_wait */
		{ 319, 3, true },	/* epoll_pwait */
		{ 420, 3 },		/* semtimedop_time64 */
		{ 421, 2 },		/* rt_sigtimedwait_time64 */
		{ 441, 3 },		/* epoll_pwait2 */
		{ }
	};
	const struct restartable *r = of_i386;

#ifdef __x86_64__
	if (regs->cs != 0x23)
		r = of_x86_64;
#endif
	for (; r->nr; r++)
		if (r->nr == nr)
			return r->timeout < 0 ||
			       (r->in_ms ? (int)argument(regs, r->timeout) < 0 :
					   !argument(regs, r->timeout));
	return false;
}

#define ERESTARTNOHAND	514	/* to the kernel: start again, unless a handler has run */

static void hide_interruption(const struct tracee *t)
{
	struct user_regs_struct regs;

	if (t->signal || t->stopped || ptrace(PTRACE_GETREGS, t->tid, 0, &regs))
		return;
#ifdef __x86_64__
	if ((int)regs.rax != -EINTR || (long)regs.orig_rax < 0 ||
	    !waits_for_ever(&regs, regs.orig_rax))
		return;
	regs.rax = -ERESTARTNOHAND;
#else
	if (regs.eax != -EINTR || regs.orig_eax < 0 || !waits_for_ever(&regs, regs.orig_eax))
		return;
	regs.eax = -ERESTARTNOHAND;
#endif
	ptrace(PTRACE_SETREGS, t->tid, 0, &regs);
}

void let_go(void)
{
	struct tracee *t;

	drain();
	for (t = tracee; t < tracee + num_tracees; t++) {
		if (!t->halted)
			continue;
		hide_interruption(t);
		ptrace(PTRACE_DETACH, t->tid, 0, t->signal);
		t->halted = false;
	}
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
}
