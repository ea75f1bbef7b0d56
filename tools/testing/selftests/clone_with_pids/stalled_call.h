/* SPDX-License-Identifier: GPL-2.0 */
/* Calls that wait in the kernel until the test lets them go on. */
#ifndef SELFTEST_STALLED_CALL_H
#define SELFTEST_STALLED_CALL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../kselftest.h"
#include "call.h"
#include "child.h"
#include "proc.h"
#include "util.h"

/*
 * A call by another process, which shares the caller's memory and files. It
 * waits in the kernel until finish_call(), by userfaultfd(2): storing the
 * child's pidfd faults.
 */
struct stalled_call {
	long nr;			/* of the call: ours or clone() */
	const void *set;
	int ns;				/* to enter before the call, or 0 */
	struct nspid ids;		/* the child's pids */
	int pidfd;			/* as stored by the kernel */

	int uffd;
	int *page;			/* where the pidfd is stored */
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

/* Creates the process, which takes pids itself, but does not call yet. */
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

/* Makes the call, up to the fault. False if there is none. */
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

/* Stores the pidfd, or fails with EFAULT. Returns the result of the call. */
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

#endif /* SELFTEST_STALLED_CALL_H */
