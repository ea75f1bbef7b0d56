/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_CLONE_WITH_PIDS_H
#define _UAPI_LINUX_CLONE_WITH_PIDS_H

#include <linux/stddef.h>
#include <linux/types.h>

/**
 * struct pid_set - the pids that clone_with_pids() gives to its child
 * @num_pids: Number of entries in @pids. Zero requests nothing: a plain
 *            clone(). More than the pid namespaces that the child will live
 *            in is an error.
 * @pids:     One pid for each pid namespace, from the oldest to the youngest.
 *            A set shorter than the nesting applies to the youngest namespaces.
 *            The kernel chooses where an entry is 0.
 *
 * The layout is the same for 32-bit and 64-bit callers.
 */
struct pid_set {
	__u32		num_pids;
	__kernel_pid_t	pids[] __counted_by(num_pids);
};

#endif /* _UAPI_LINUX_CLONE_WITH_PIDS_H */
