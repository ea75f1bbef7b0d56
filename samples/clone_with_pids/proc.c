// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc tells about processes, and about pid namespaces.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <linux/nsfs.h>

#include "pidtree.h"

long read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long nr;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &nr) != 1)
		nr = -1;
	fclose(f);
	return nr;
}

static void read_ids(struct ids *ids, const char *p)
{
	char *end;

	for (ids->num = 0; ids->num < MAX_LEVELS; ids->num++, p = end) {
		long nr = strtol(p, &end, 10);

		if (end == p)
			break;
		ids->nr[ids->num] = nr;
	}
}

/* @comm for a person: whoever gave a process its name may not drive a terminal. */
const char *printable(const char *comm)
{
	static char text[COMM_LEN];
	int i;

	for (i = 0; comm[i]; i++)
		text[i] = isprint((unsigned char)comm[i]) ? comm[i] : '?';
	text[i] = '\0';
	return text;
}

/*
 * Reads /proc/PID/task/TID, or another directory like it. Returns -1 when the
 * task is gone.
 *
 * A kernel without CONFIG_PID_NS has no lists of ids there; then there is one
 * level, and ordinary calls tell the same.
 */
int read_status(struct status *st, const char *dir)
{
	char path[64], line[512];
	pid_t tid = 0;
	size_t len;
	FILE *f;

	memset(st, 0, sizeof(*st));

	/* Not from status: there, a name is escaped. */
	snprintf(path, sizeof(path), "%s/comm", dir);
	f = fopen(path, "re");
	if (!f)
		return -1;
	len = fread(st->comm, 1, COMM_LEN, f);
	fclose(f);
	if (!len)
		return -1;
	st->comm[len - 1] = '\0';

	snprintf(path, sizeof(path), "%s/status", dir);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		char *value = strchr(line, '\t');

		if (!value)
			continue;
		if (!strncmp(line, "State:", 6))
			st->state = value[1];
		else if (!strncmp(line, "Tgid:", 5))
			st->tgid = atoi(value);
		else if (!strncmp(line, "Pid:", 4))
			tid = atoi(value);
		else if (!strncmp(line, "PPid:", 5))
			st->ppid = atoi(value);
		else if (!strncmp(line, "NSpid:", 6))
			read_ids(&st->pid, value);
		else if (!strncmp(line, "NSpgid:", 7))
			read_ids(&st->pgid, value);
		else if (!strncmp(line, "NSsid:", 6))
			read_ids(&st->sid, value);
		else if (!strncmp(line, "Threads:", 8))
			st->threads = atoi(value);
		else if (!strncmp(line, "Seccomp:", 8))
			st->seccomp = atoi(value);
		else if (!strncmp(line, "Kthread:", 8))
			st->kthread = atoi(value);
	}
	fclose(f);

	if (!st->pid.num) {
		st->pid.num = 1;
		st->pgid.num = 1;
		st->sid.num = 1;
		st->pid.nr[0] = tid;
		st->pgid.nr[0] = getpgid(tid);
		st->sid.nr[0] = getsid(tid);
	}
	return st->tgid ? 0 : -1;
}

/* The fields of /proc/PID/stat that status does not have; -1: the task is gone. */
int read_stat(pid_t pid, unsigned long *flags, int *exit_code)
{
	char path[32], text[1024], *p;
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	/* After the name, which may have anything in it, comes the third field. */
	p = strrchr(text, ')');
	for (i = 2; p && i < 52; i++) {
		p = strchr(p + 1, ' ');
		if (p && i + 1 == 9)
			*flags = strtoul(p, NULL, 10);
		if (p && i + 1 == 52)
			*exit_code = atoi(p);
	}
	return p ? 0 : -1;
}

/* A first thread may end before the others: the process lives, and shows "Z". */
bool is_dead(const struct status *st)
{
	return st->state == 'X' || (st->state == 'Z' && st->threads <= 1);
}

static void each_status(const char *dir,
			void (*fn)(const struct status *st, void *arg), void *arg)
{
	char path[64];
	struct status st;
	struct dirent *d;
	DIR *proc = opendir(dir);

	if (!proc)
		return;
	while ((d = readdir(proc))) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/%.11s", dir, d->d_name);
		if (!read_status(&st, path))
			fn(&st, arg);
	}
	closedir(proc);
}

void each_process(void (*fn)(const struct status *st, void *arg), void *arg)
{
	each_status("/proc", fn, arg);
}

/* The first thread, which has the number of the process, is one of them. */
void each_thread(pid_t pid, void (*fn)(const struct status *st, void *arg), void *arg)
{
	char dir[32];

	snprintf(dir, sizeof(dir), "/proc/%d/task", pid);
	each_status(dir, fn, arg);
}

/* The numbers in another namespace's /proc mean nothing to kill() or ptrace(). */
void need_own_proc(void)
{
	char self[16] = "";

	if (readlink("/proc/self", self, sizeof(self) - 1) < 0 || atoi(self) != getpid())
		errx(EXIT_FAILURE, "/proc is not that of this pid namespace: mount it anew");
}

/* The inode number of the pid namespace @up steps older than that of @path, or 0. */
unsigned long ns_ino(const char *path, unsigned int up)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned long ino = 0;
	struct stat st;

	while (fd >= 0 && up--) {
		int parent = ioctl(fd, NS_GET_PARENT);

		close(fd);
		fd = parent;
	}
	if (fd < 0)
		return 0;
	if (!fstat(fd, &st))
		ino = st.st_ino;
	close(fd);
	return ino;
}

/*
 * kernel.pid_max of a pid namespace that this process makes. Newer kernels have
 * one for each namespace. 0 if no namespace can be made.
 */
long new_pid_max(void)
{
	long pid_max = 0;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return 0;
	pid = fork();
	if (!pid) {
		pid = unshare(CLONE_NEWPID) ? -1 : fork();
		if (!pid) {
			pid_max = read_number("/proc/sys/kernel/pid_max");
			_exit(write(fds[1], &pid_max, sizeof(pid_max)) < 0);
		}
		_exit(pid < 0 || waitpid(pid, NULL, 0) < 0);
	}
	close(fds[1]);
	if (read(fds[0], &pid_max, sizeof(pid_max)) != sizeof(pid_max))
		pid_max = 0;
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid_max;
}

/*
 * How many levels below its own namespace this process' children are born:
 * not 0 after unshare(CLONE_NEWPID) or setns(). @empty: nobody was, yet.
 */
unsigned int newborn_depth(bool *empty)
{
	unsigned long own = ns_ino("/proc/self/ns/pid", 0);
	int fd = open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);
	unsigned int depth = 0;

	/* Before Linux 7.3, a namespace that has had no process yet cannot be opened. */
	*empty = fd < 0 ? own && errno == ENOENT :
		 ioctl(fd, NS_GET_PID_FROM_PIDNS, 1) < 0 && errno == ESRCH;
	if (fd >= 0)
		close(fd);
	if (fd < 0 && *empty)
		return 1;
	while (depth < MAX_LEVELS && ns_ino("/proc/self/ns/pid_for_children", depth) != own)
		depth++;
	return depth < MAX_LEVELS ? depth : 0;
}
