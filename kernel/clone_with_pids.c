// SPDX-License-Identifier: GPL-2.0-only
/*
 * clone_with_pids(): clone() into chosen pids
 *
 * Proposed by Sukadev Bhattiprolu in 2009 for checkpoint/restart. The work is
 * done by kernel_clone() and alloc_pid(); what is here translates a struct
 * pid_set, oldest pid namespace first, into set_tid, youngest first.
 */

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/nsproxy.h>
#include <linux/overflow.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <kunit/visibility.h>
#include <uapi/linux/clone_with_pids.h>
#include "clone_with_pids.h"

/*
 * Copy the @uset of a caller whose children are born at @level to @pids.
 *
 * num_pids is read once, and bounded before it says how much to copy.
 *
 * Return: the number of entries in @pids, which are now in the order of
 * set_tid, youngest namespace first; -EFAULT; or -EINVAL for more of them than
 * there are namespaces.
 */
VISIBLE_IF_KUNIT int
copy_pid_set_from_user(pid_t pids[MAX_PID_NAMESPACES],
		       const struct pid_set __user *uset, unsigned int level)
{
	u32 num_pids, i;

	BUILD_BUG_ON(offsetof(struct pid_set, pids) != sizeof(u32));
	BUILD_BUG_ON(sizeof(*uset->pids) != sizeof(*pids));

	if (!uset)
		return 0;

	if (get_user(num_pids, &uset->num_pids))
		return -EFAULT;
	if (num_pids > MAX_PID_NAMESPACES)
		return -EINVAL;
	if (copy_from_user(pids, uset->pids, array_size(num_pids, sizeof(*pids))))
		return -EFAULT;
	if (num_pids > level + 1)
		return -EINVAL;

	for (i = 0; i < num_pids / 2; i++)
		swap(pids[i], pids[num_pids - 1 - i]);

	return num_pids;
}

/*
 * May the caller use the call at all? Most tasks may not, and programs probe for
 * the call: a refusal is not worth an audit record.
 */
static bool may_clone_with_pids(const struct pid_namespace *ns)
{
	return ns_capable_noaudit(ns->user_ns, CAP_CHECKPOINT_RESTORE) ||
	       ns_capable_noaudit(ns->user_ns, CAP_SYS_ADMIN);
}

/**
 * sys_clone_with_pids - create a child that has the given pids
 * @flags:         flags of clone(), with the exit signal in the low byte
 * @newsp:         stack pointer of the child, 0 for that of the caller
 * @parent_tidptr: where CLONE_PARENT_SETTID stores the child's tid, or
 *                 CLONE_PIDFD a file descriptor for it
 * @child_tidptr:  for CLONE_CHILD_SETTID and CLONE_CHILD_CLEARTID
 * @tls:           for CLONE_SETTLS
 * @pid_setp:      the pids, or NULL for none in particular
 *
 * Does what clone() does, and gives the child the pids in @pid_setp. They are
 * in the order of the namespaces that children of the caller are born in, from
 * the oldest to the youngest. A set with fewer entries applies to the youngest
 * ones. The kernel chooses where an entry is 0, or where there is none. With
 * CLONE_NEWPID the set still names the existing namespaces, and the child is
 * pid 1 of the new one.
 *
 * Every call takes privilege, whatever the set is: a seccomp filter that knows
 * clone() and not this call still confines unprivileged processes.
 *
 * The child has all of the requested pids or there is no child. If one is in
 * use, no other one is reserved, not even for a moment. What else the caller can make fail is
 * found before any is taken. The order of arguments is the same for all ABIs,
 * and flags is a register so that seccomp filters can judge it.
 *
 * Context: Process context. May sleep. Takes pidmap_lock.
 *
 * Return: the child's pid in the caller's pid namespace, or
 *
 * * %-EFAULT - @pid_setp, or a part of it, cannot be read
 * * %-EINVAL - more pids than namespaces; a pid that is negative or not below
 *   pid_max; a pid other than 0 or 1 for the first process of a namespace; a
 *   child that is not the first process of a namespace that has no init; or
 *   one of clone()'s own reasons
 * * %-EPERM - neither CAP_CHECKPOINT_RESTORE nor CAP_SYS_ADMIN in the user
 *   namespace that owns the pid namespace that children of the caller are born
 *   in, or one in which a pid is requested; or one of clone()'s own reasons
 * * %-EBUSY - a requested pid is in use in its namespace
 * * %-EAGAIN - no free pid for an entry of 0; or one of clone()'s own reasons
 * * %-ENOMEM - no memory, or the init of one of the namespaces is gone
 *
 * and what else clone() may return. Of what is wrong with the set itself, the
 * first of EFAULT, EINVAL for too many pids, EPERM, EINVAL for one of them, and
 * EBUSY is found.
 */
SYSCALL_DEFINE6(clone_with_pids, unsigned int, flags, unsigned long, newsp,
		int __user *, parent_tidptr, int __user *, child_tidptr,
		unsigned long, tls, const struct pid_set __user *, pid_setp)
{
	const struct pid_namespace *ns = current->nsproxy->pid_ns_for_children;
	/* With room for the namespace that CLONE_NEWPID adds: any pid there. */
	pid_t set_tid[1 + MAX_PID_NAMESPACES];
	bool newpid = flags & CLONE_NEWPID;
	struct kernel_clone_args args = {
		.flags		= flags & ~CSIGNAL,
		.pidfd		= parent_tidptr,
		.child_tid	= child_tidptr,
		.parent_tid	= parent_tidptr,
		.exit_signal	= flags & CSIGNAL,
		.stack		= newsp,
		.tls		= tls,
		.set_tid	= set_tid,
		.set_tid_ebusy	= 1,
	};
	int num_pids;
	size_t size;

	set_tid[0] = 0;
	num_pids = copy_pid_set_from_user(set_tid + newpid, pid_setp, ns->level);
	if (num_pids < 0)
		return num_pids;
	if (!may_clone_with_pids(ns))
		return -EPERM;
	/* Zeros for the oldest namespaces, or for all, request nothing. */
	size = newpid + num_pids;
	while (size && !set_tid[size - 1])
		size--;
	args.set_tid_size = size;

	return kernel_clone(&args);
}
