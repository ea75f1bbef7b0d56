// SPDX-License-Identifier: GPL-2.0
/*
 * The uapi header as programs use it, compiled and never run: alone, before
 * (FIRST) and after (LAST) the headers of the C library, as C and as C++.
 */
#ifdef LAST
#include <sched.h>
#include <signal.h>
#include <sys/types.h>
#endif

#include <linux/clone_with_pids.h>

#ifdef FIRST
#include <sched.h>
#include <signal.h>
#include <sys/types.h>
#endif

/* A false @cond is an array of negative size, in any standard of C and C++. */
#define CHECK(name, cond) extern char name[(cond) ? 1 : -1]

CHECK(size_is_of_num_pids_alone, sizeof(struct pid_set) == 4);
CHECK(num_pids_comes_first, __builtin_offsetof(struct pid_set, num_pids) == 0);
CHECK(num_pids_has_32_bits, sizeof(((struct pid_set *)0)->num_pids) == 4);
CHECK(pids_follow_at_once, __builtin_offsetof(struct pid_set, pids) == 4);
CHECK(a_pid_has_32_bits, sizeof(((struct pid_set *)0)->pids[0]) == 4);
CHECK(num_pids_is_unsigned, (__typeof__(((struct pid_set *)0)->num_pids)) -1 > 0);
CHECK(a_pid_is_signed, (__typeof__(((struct pid_set *)0)->pids[0] + 0)) -1 < 0);

#if !defined(ALONE)
CHECK(a_pid_is_a_pid_t, sizeof(pid_t) == sizeof(__kernel_pid_t));
#endif
