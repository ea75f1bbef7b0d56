/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_CLONE_WITH_PIDS_H
#define _KERNEL_CLONE_WITH_PIDS_H

#include <linux/pid_namespace.h>
#include <linux/types.h>

struct pid_set;

/* Levels count from 0. */
#define MAX_PID_NAMESPACES (MAX_PID_NS_LEVEL + 1)

#if IS_ENABLED(CONFIG_KUNIT)
int copy_pid_set_from_user(pid_t pids[MAX_PID_NAMESPACES],
			   const struct pid_set __user *uset,
			   unsigned int level);
#endif

#endif /* _KERNEL_CLONE_WITH_PIDS_H */
