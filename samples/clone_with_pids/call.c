// SPDX-License-Identifier: GPL-2.0
/*
 * The system call, and what it tells to who asks for what it must refuse.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "pidtree.h"

/*
 * Like fork(), but the child gets these pids. The C library is not told: in the
 * child, raise() and pthread calls would use the parent's thread id.
 */
pid_t fork_with_pids(int flags, const struct ids *want)
{
	union {
		struct pid_set set;
		pid_t room[1 + MAX_LEVELS];
	} u;

	u.set.num_pids = want->num;
	memcpy(u.set.pids, want->nr, want->num * sizeof(want->nr[0]));
	return clone_with_pids(flags | SIGCHLD, NULL, NULL, NULL, 0, &u.set);
}

/*
 * 0, or why there is no clone_with_pids() here with these flags: ENOSYS, or what
 * a seccomp filter says. Where it exists, the call refuses so long a set before
 * anything else.
 */
int call_error(int flags)
{
	struct pid_set too_long = { .num_pids = UINT_MAX };

	clone_with_pids(flags | SIGCHLD, NULL, NULL, NULL, 0, &too_long);
	return errno == EINVAL ? 0 : errno;
}

/*
 * What the kernel says to @pid in entry @i of @num, and zero elsewhere. Only for
 * pids that nobody can have, so that there never is a child.
 */
int probe_pid(unsigned int num, unsigned int i, pid_t pid)
{
	struct ids ids = { .num = num };

	ids.nr[i] = pid;
	if (fork_with_pids(0, &ids) == 0)
		_exit(EXIT_FAILURE);
	return errno;
}

/*
 * May this process choose the pid of entry @i of @num, which are no more than
 * there are namespaces? If not of the youngest, it may not even call. Privilege
 * is judged before the range.
 */
bool may_choose(unsigned int num, unsigned int i)
{
	return probe_pid(num, i, -1) != EPERM;
}

/*
 * How many pids a full set has, where children are born @depth levels below this
 * process. Pid 1 of its own namespace is in use for as long as anybody lives
 * there: asking for it gives EBUSY or EPERM, but EINVAL when the set is too long,
 * to whoever has no privilege, too.
 */
unsigned int count_levels(unsigned int depth)
{
	unsigned int levels = MAX_LEVELS;

	while (levels > depth + 1 && probe_pid(levels, levels - 1 - depth, 1) == EINVAL)
		levels--;
	return levels;
}
