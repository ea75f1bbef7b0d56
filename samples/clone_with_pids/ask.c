// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a process is a child subreaper is not in /proc; only prctl() tells, and
 * only to the process itself. So a halted thread is made to call it.
 *
 * At its instruction pointer a system call is put for as long, and its registers
 * say which. Signals are kept away from it meanwhile, and so is seccomp. Then all
 * is as it was; and it is halted anew, for only on the way out of that stop the
 * kernel will start again the system call that was interrupted first.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "halt.h"

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP 0x200000
#endif

#define RED_ZONE	128	/* below the stack pointer, still in use */

static bool stop_is_due;		/* SIGSTOP came meanwhile */

/* Lets it go to its next stop. Returns false if that is not the one expected. */
static bool step_to(int request, pid_t tid, int event)
{
	int status;

	for (;;) {
		if (ptrace(request, tid, 0, 0) || waitpid(tid, &status, __WALL) != tid ||
		    !WIFSTOPPED(status))
			return false;
		if (status >> 8 == (SIGTRAP | event << 8) || status >> 8 == (SIGTRAP | 0x80))
			return true;
		/* All other signals are blocked, but for this one it is too early. */
		if (status >> 16 || WSTOPSIG(status) != SIGSTOP)
			return false;
		stop_is_due = true;
	}
}

static void say_which(struct user_regs_struct *regs, unsigned long where)
{
#ifdef __x86_64__
	regs->orig_rax = -1;
	if (regs->cs == 0x33) {
		regs->rax = 157;	/* prctl */
		regs->rdi = PR_GET_CHILD_SUBREAPER;
		regs->rsi = where;
	} else {
		regs->rax = 172;
		regs->rbx = PR_GET_CHILD_SUBREAPER;
		regs->rcx = where;
	}
#else
	regs->orig_eax = -1;
	regs->eax = 172;
	regs->ebx = PR_GET_CHILD_SUBREAPER;
	regs->ecx = where;
#endif
}

static unsigned long ip_of(const struct user_regs_struct *regs)
{
#ifdef __x86_64__
	return regs->rip;
#else
	return regs->eip;
#endif
}

static unsigned long sp_of(const struct user_regs_struct *regs)
{
#ifdef __x86_64__
	return regs->rsp;
#else
	return regs->esp;
#endif
}

static bool is_64bit(const struct user_regs_struct *regs)
{
#ifdef __x86_64__
	return regs->cs == 0x33;
#else
	(void)regs;
	return false;
#endif
}

/*
 * 1, 0, or -1 when it cannot be asked. @tid is the first thread of a process, and
 * halted by PTRACE_INTERRUPT; @filtered: it has a seccomp filter.
 */
int ask_subreaper(pid_t tid, bool filtered)
{
	struct user_regs_struct old, regs;
	unsigned long long mask, all = ~0ULL;
	unsigned long where;
	long text, data, code;
	int answer = -1;

	if (filtered && ptrace(PTRACE_SETOPTIONS, tid, 0,
			       PTRACE_O_TRACEEXEC | PTRACE_O_SUSPEND_SECCOMP))
		return -1;
	if (ptrace(PTRACE_GETREGS, tid, 0, &old) ||
	    ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask))
		return -1;

	where = (sp_of(&old) - RED_ZONE - sizeof(long)) & ~(sizeof(long) - 1);
	errno = 0;
	text = ptrace(PTRACE_PEEKTEXT, tid, ip_of(&old), 0);
	data = ptrace(PTRACE_PEEKDATA, tid, where, 0);
	if (errno)
		return -1;
	code = text;
	memcpy(&code, is_64bit(&old) ? "\x0f\x05" : "\xcd\x80", 2);	/* syscall, int $0x80 */
	regs = old;
	say_which(&regs, where);
	if (ptrace(PTRACE_POKETEXT, tid, ip_of(&old), code))
		return -1;

	ptrace(PTRACE_SETSIGMASK, tid, sizeof(all), &all);
	if (!ptrace(PTRACE_SETREGS, tid, 0, &regs) &&
	    step_to(PTRACE_SYSCALL, tid, 0) && step_to(PTRACE_SYSCALL, tid, 0)) {
		errno = 0;
		answer = ptrace(PTRACE_PEEKDATA, tid, where, 0) & 0xff;
		if (errno || answer > 1)
			answer = -1;
	}
	ptrace(PTRACE_POKEDATA, tid, where, data);
	ptrace(PTRACE_POKETEXT, tid, ip_of(&old), text);
	ptrace(PTRACE_SETREGS, tid, 0, &old);
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	step_to(PTRACE_CONT, tid, PTRACE_EVENT_STOP);
	ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
	if (stop_is_due)
		kill(tid, SIGSTOP);
	stop_is_due = false;
	return answer;
}
