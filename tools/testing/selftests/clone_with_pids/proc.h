/* SPDX-License-Identifier: GPL-2.0 */
/* Pids in /proc, and reading and writing of files in /proc and the like. */
#ifndef SELFTEST_PROC_H
#define SELFTEST_PROC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"

/* The pids of a process in each namespace, from that of /proc to the youngest */
struct nspid {
	int n;
	pid_t pid[MAX_LEVELS];
};

/* Reads NSpid of @status, a file in /proc. Makes system calls only. */
static inline struct nspid read_nspid(const char *status)
{
	struct nspid ids = {};
	char buf[4096], *p;
	int fd, len;

	fd = open(status, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ids;
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[len > 0 ? len : 0] = '\0';
	p = strstr(buf, "\nNSpid:");
	if (!p)
		return ids;
	for (p += strlen("\nNSpid:"); *p == '\t'; ids.n++)
		ids.pid[ids.n] = strtol(p + 1, &p, 10);
	return ids;
}

#define PID_MAX		"/proc/sys/kernel/pid_max"
#define NS_LAST_PID	"/proc/sys/kernel/ns_last_pid"
#define CGROUP_ROOT	"/sys/fs/cgroup/"
#define CGROUP		CGROUP_ROOT "clone_with_pids_test/"

static inline int read_int(const char *path)
{
	FILE *f = fopen(path, "re");
	int val;

	if (!f)
		return -errno;
	if (fscanf(f, "%d", &val) != 1)
		val = -EIO;
	fclose(f);
	return val;
}

static inline int write_str(const char *path, const char *str)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = fd < 0 || write(fd, str, strlen(str)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static inline int write_int(const char *path, int val)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%d", val);
	return write_str(path, buf);
}

/*
 * Once the kernel's search for a free pid has passed RESERVED_PIDS (300), it
 * does not pick lower ones any more. Makes that so in the caller's namespace.
 */
static inline void pass_reserved_pids(void)
{
	if (read_int(NS_LAST_PID) < 1000)
		write_int(NS_LAST_PID, 1000);
}

/*
 * Returns a pid that is free in the namespace of /proc, and far from those that
 * the kernel will pick next there and in namespaces that the test creates. Must
 * be called first in the namespace that the test starts in.
 */
static inline pid_t free_pid(void)
{
	static pid_t next;
	char path[32];

	if (!next) {
		next = getpid() + 16384;
		if (next > 28000)
			next -= 24000;
	}
	do {
		snprintf(path, sizeof(path), "/proc/%d", ++next);
	} while (!access(path, F_OK));
	return next;
}

static inline void free_pids(pid_t *pids, int n)
{
	while (n--)
		*pids++ = free_pid();
}

#endif /* SELFTEST_PROC_H */
