// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the machine that boot.sh starts:
 *
 *	init test SECONDS	run the programs listed in /tests, each for at
 *				most SECONDS, and report them as nested TAP
 *	init run		run the shell script /script
 *	init shell		give the console to a shell
 *
 * The kernel has the first serial port to itself, as its console. What
 * programs say goes to the second, so that no message of the kernel can land
 * in the middle of a line of TAP. The verdict goes to QEMU's debug port, as the
 * very last thing: a machine that dies on its way there has not passed.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(arr)	(sizeof(arr) / sizeof((arr)[0]))

#define DEBUG_PORT	0xe9
#define PF_KTHREAD	0x00200000
#define KSFT_SKIP	4

#define BUSYBOX		"/bin/busybox"
#define SUITE		"selftests: clone_with_pids"

#define say(...)	dprintf(out, __VA_ARGS__)

/* How long the processes that a test program leaves behind may take to go. */
#define GRACE_MS	2000

static int out = STDERR_FILENO;
static int kmsg = -1;
static regex_t splat;

static noreturn void power_off(void)
{
	tcdrain(out);
	/* There is no ACPI. boot.sh has told QEMU that a reset is the end. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static noreturn void die(const char *what)
{
	fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
	power_off();
}

static noreturn void verdict(const char *word)
{
	tcdrain(out);
	if (ioperm(DEBUG_PORT, 1, 1))
		die("ioperm");
	while (*word)
		outb(*word++, DEBUG_PORT);
	power_off();
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Make a machine of it */

static void mount_all(void)
{
	static const struct {
		const char *type, *where;
	} mounts[] = {
		{ "proc",	"/proc" },
		{ "devtmpfs",	"/dev" },
		{ "sysfs",	"/sys" },
		{ "devpts",	"/dev/pts" },
		{ "tmpfs",	"/dev/shm" },
		{ "tmpfs",	"/tmp" },
		{ "tmpfs",	"/run" },
		{ "cgroup2",	"/sys/fs/cgroup" },
		{ "debugfs",	"/sys/kernel/debug" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].where, 0755);
		if (!mount("none", mounts[i].where, mounts[i].type, 0, NULL))
			continue;
		/* Only the first two are needed here; a test says what it misses. */
		if (i < 2 || (errno != ENODEV && errno != ENOENT))
			die(mounts[i].where);
	}
	chmod("/tmp", 01777);
	chmod("/dev/shm", 01777);
	symlink("/proc/self/fd", "/dev/fd");
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		die("lo");
	close(fd);
}

static void open_output(void)
{
	struct termios tio;

	out = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (out < 0 || tcgetattr(out, &tio))
		die("/dev/ttyS1");
	cfmakeraw(&tio);
	cfsetspeed(&tio, B115200);
	if (tcsetattr(out, TCSANOW, &tio))
		die("/dev/ttyS1");
}

static pid_t spawn(const char *path, char *const argv[], int in, int to)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	setsid();
	dup2(in, STDIN_FILENO);
	dup2(to, STDOUT_FILENO);
	dup2(to, STDERR_FILENO);
	/* Makes it the controlling terminal, if it is one: job control. */
	ioctl(in, TIOCSCTTY, 0);
	execv(path, argv);
	dprintf(to, "# cannot run %s: %s\n", path, strerror(errno));
	_exit(127);
}

static int wait_for(pid_t pid)
{
	int status;
	pid_t child;

	do {
		child = waitpid(-1, &status, __WALL);
		if (child < 0 && errno != EINTR)
			die("waitpid");
	} while (child != pid);

	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void install_busybox(void)
{
	char *const argv[] = { BUSYBOX, "--install", "-s", "/bin", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (access(BUSYBOX, X_OK))
		return;
	mkdir("/usr", 0755);
	symlink("/bin", "/usr/bin");
	/* It complains of names that are taken, by programs given to boot.sh. */
	if (null < 0 || wait_for(spawn(BUSYBOX, argv, null, null)))
		die(BUSYBOX);
	close(null);
}

/* What the kernel complains about, and what is left over */

static void watch_kernel_log(void)
{
	FILE *f = fopen("/splats", "r");
	char *pattern = NULL;
	size_t size = 0;

	if (!f || getline(&pattern, &size, f) <= 0)
		die("/splats");
	fclose(f);
	pattern[strcspn(pattern, "\n")] = '\0';
	if (regcomp(&splat, pattern, REG_EXTENDED | REG_NOSUB))
		die("/splats: regcomp");
	free(pattern);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0)
		die("/dev/kmsg");
}

/* Has the kernel reported anything since the last call? Says when it was. */
static bool kernel_complained(const char *when)
{
	bool found = false;
	char record[8192], *text;
	ssize_t len;

	for (;;) {
		len = read(kmsg, record, sizeof(record) - 1);
		if (len < 0 && (errno == EPIPE || errno == EINTR))
			continue;	/* EPIPE: records were overwritten */
		if (len <= 0)
			return found;
		record[len] = '\0';
		text = strchr(record, ';');
		if (!text)
			continue;
		text[strcspn(text, "\n")] = '\0';
		if (regexec(&splat, text + 1, 0, NULL, 0))
			continue;
		if (!found)
			say("# %s: the kernel reports: %s\n", when, text + 1);
		found = true;
	}
}

static void say_file(const char *fmt, const char *pid, const char *tid)
{
	char path[512], line[512];
	FILE *f;

	snprintf(path, sizeof(path), fmt, pid, tid);
	f = fopen(path, "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		say("#     %s", line);
	fclose(f);
}

static bool is_user_process(const char *pid)
{
	char path[300], line[512], *p;
	unsigned int flags = PF_KTHREAD;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fgets(line, sizeof(line), f)) {
		p = strrchr(line, ')');
		if (p)
			sscanf(p, ") %*c %*d %*d %*d %*d %*d %u", &flags);
	}
	fclose(f);
	return !(flags & PF_KTHREAD);
}

/* Say what every process but this one is doing. */
static void list_processes(void)
{
	DIR *proc = opendir("/proc"), *tasks;
	struct dirent *process, *task;
	char path[512];

	while (proc && (process = readdir(proc))) {
		if (!isdigit(process->d_name[0]) ||
		    !strcmp(process->d_name, "1") ||
		    !is_user_process(process->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task", process->d_name);
		tasks = opendir(path);
		while (tasks && (task = readdir(tasks))) {
			if (!isdigit(task->d_name[0]))
				continue;
			say("# process %s, thread %s: stat, system call, stack\n",
			    process->d_name, task->d_name);
			say_file("/proc/%s/task/%s/stat",
				 process->d_name, task->d_name);
			say_file("/proc/%s/task/%s/syscall",
				 process->d_name, task->d_name);
			say_file("/proc/%s/task/%s/stack",
				 process->d_name, task->d_name);
		}
		if (tasks)
			closedir(tasks);
	}
	if (proc)
		closedir(proc);
}

/*
 * With no process left but this one, there is one struct pid for each task, of
 * the first level, and no pid namespace. boot.sh turns on slab debugging for
 * these caches, which keeps them apart and their counts exact.
 */
static bool pids_are_leaked(bool report)
{
	unsigned int tasks = 0, used;
	bool leaked = false;
	char line[512], name[64];
	FILE *f;

	f = fopen("/proc/loadavg", "r");
	if (!f || fscanf(f, "%*s %*s %*s %*u/%u", &tasks) != 1)
		die("/proc/loadavg");
	fclose(f);

	f = fopen("/proc/slabinfo", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %u", name, &used) != 2 ||
		    strncmp(name, "pid", 3) ||
		    used == (strcmp(name, "pid") ? 0 : tasks))
			continue;
		leaked = true;
		if (report)
			say("# leak: %u objects in slab cache %s, %u tasks\n",
			    used, name, tasks);
	}
	if (f)
		fclose(f);
	return leaked;
}

/* KASAN holds freed objects back, until their cache is shrunk. */
static void shrink_pid_slabs(void)
{
	glob_t paths;
	int fd;

	if (glob("/sys/kernel/slab/pid*/shrink", 0, NULL, &paths))
		return;
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		fd = open(paths.gl_pathv[i], O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "1", 1) != 1)
			die(paths.gl_pathv[i]);
		close(fd);
	}
	globfree(&paths);
}

/* What kmemleak finds goes to the kernel's log, where it is seen, and is shown. */
static void scan_for_leaks(void)
{
	int fd = open("/sys/kernel/debug/kmemleak", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/*
	 * It ignores what is younger than this, and what has changed since the
	 * last scan. Where it has given up for want of memory, writing fails.
	 */
	sleep(5);
	for (int i = 0; i < 2; i++) {
		if (write(fd, "scan", 4) != 4)
			die("kmemleak");
	}
	close(fd);
	say_file("/sys/kernel/debug/kmemleak", NULL, NULL);
}

static bool leaves_something(void)
{
	long long deadline = now_ms() + 5000;
	bool late;

	/*
	 * The last of them are freed after a grace period, and kernel threads
	 * come and go: what is leaked is what is there every time one looks.
	 */
	for (;;) {
		late = now_ms() > deadline;
		if (!pids_are_leaked(late))
			return false;
		if (late)
			return true;
		usleep(20000);
		shrink_pid_slabs();
	}
}

/* Run the tests */

struct tap {
	unsigned int plans, planned, cases, failed;
	bool misnumbered;
	char line[4096];
	size_t len;
};

static void tap_line(struct tap *tap)
{
	unsigned int nr;

	tap->line[tap->len] = '\0';
	tap->len = 0;
	say("# %s\n", tap->line);

	if (sscanf(tap->line, "1..%u", &nr) == 1) {
		tap->plans++;
		tap->planned = nr;
	} else if (sscanf(tap->line, "ok %u", &nr) == 1 ||
		   sscanf(tap->line, "not ok %u", &nr) == 1) {
		tap->misnumbered |= nr != ++tap->cases;
		tap->failed += tap->line[0] == 'n';
	}
}

/* Pass on, line by line, what there is to read. False when that was all. */
static bool relay(struct tap *tap, int fd)
{
	char buf[4096];
	ssize_t len;

	while ((len = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < len; i++) {
			if (buf[i] != '\n')
				tap->line[tap->len++] = buf[i];
			if (buf[i] == '\n' || tap->len == sizeof(tap->line) - 1)
				tap_line(tap);
		}
	}
	return len < 0 && (errno == EAGAIN || errno == EINTR);
}

/* What is wrong with a program that has ended? NULL if nothing is. */
static const char *complaint(const struct tap *tap, int status)
{
	static char text[128];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == KSFT_SKIP && !tap->failed)
		return NULL;
	else if (WEXITSTATUS(status))
		snprintf(text, sizeof(text), "exit=%d", WEXITSTATUS(status));
	else if (tap->plans != 1)
		snprintf(text, sizeof(text), "printed %s",
			 tap->plans ? "more than one plan" : "no plan");
	else if (tap->planned != tap->cases)
		snprintf(text, sizeof(text), "planned %u cases, reported %u",
			 tap->planned, tap->cases);
	else if (!tap->cases)
		return "ran no case, and exit=0";
	else if (tap->misnumbered)
		return "cases are not numbered from 1 up";
	else if (tap->failed)
		snprintf(text, sizeof(text), "%u cases failed, but exit=0",
			 tap->failed);
	else
		return NULL;
	return text;
}

static bool run_test(unsigned int nr, char *path, unsigned int seconds)
{
	char *const argv[] = { path, NULL };
	const char *name = strrchr(path, '/') + 1, *wrong = NULL;
	long long deadline = now_ms() + seconds * 1000LL;
	struct tap tap = {};
	bool ended = false, more = true;
	int status = 0, st, fds[2], null;
	pid_t test, pid;

	say("# " SUITE ": %s\n", name);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || pipe2(fds, O_CLOEXEC) ||
	    fcntl(fds[0], F_SETFL, O_NONBLOCK))
		die("pipe");
	test = spawn(path, argv, null, fds[1]);
	close(fds[1]);
	close(null);

	/* Every process that outlives its parent ends up here, as our child. */
	for (;;) {
		struct pollfd pfd = { .fd = more ? fds[0] : -1, .events = POLLIN };

		poll(&pfd, 1, more ? 20 : 1);
		if (more)
			more = relay(&tap, fds[0]);
		while ((pid = waitpid(-1, &st, WNOHANG | __WALL)) > 0) {
			if (pid != test)
				continue;
			status = st;
			ended = true;
			deadline = now_ms() + GRACE_MS;
		}
		if (pid < 0 && errno == ECHILD)
			break;
		if (now_ms() < deadline)
			continue;
		if (wrong) {
			say("Bail out! %s cannot be killed\n", name);
			power_off();
		}
		wrong = ended ? "left processes behind" : "TIMEOUT";
		say("# %s: %s\n", name, wrong);
		list_processes();
		kill(-1, SIGKILL);
		deadline = now_ms() + 5000;
	}
	relay(&tap, fds[0]);
	if (tap.len)
		tap_line(&tap);
	close(fds[0]);

	if (!wrong)
		wrong = complaint(&tap, status);
	say("%s %u " SUITE ": %s%s%s\n", wrong ? "not ok" : "ok", nr, name,
	    wrong ? " # " : WEXITSTATUS(status) ? " # SKIP" : "",
	    wrong ? wrong : "");
	return !wrong;
}

static void run_tests(unsigned int seconds)
{
	static char paths[256][256];
	unsigned int count = 0;
	bool good, leaked;
	FILE *f = fopen("/tests", "r");

	if (!f)
		die("/tests");
	while (count < 256 && fscanf(f, "%255s", paths[count]) == 1)
		count++;
	fclose(f);

	setenv("KSFT_TAP_LEVEL", "1", 1);
	say("TAP version 13\n1..%u\n", count);
	good = !kernel_complained("boot");
	for (unsigned int i = 0; i < count; i++) {
		good &= run_test(i + 1, paths[i], seconds);
		good &= !kernel_complained(strrchr(paths[i], '/') + 1);
	}
	leaked = leaves_something();
	scan_for_leaks();
	good &= !kernel_complained("end");
	verdict(leaked ? "leaked" : good ? "passed" : "failed");
}

static void run_script(void)
{
	char *const argv[] = { "sh", "/script", NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char word[16];

	snprintf(word, sizeof(word), "exit %d",
		 wait_for(spawn(BUSYBOX, argv, null, out)));
	verdict(word);
}

static void run_shell(void)
{
	char *const argv[] = { "-sh", NULL };
	const char *lines = getenv("LINES"), *columns = getenv("COLUMNS");
	struct winsize ws = {};
	int tty = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (tty < 0)
		die("/dev/ttyS0");
	/* A serial line does not know the size of the terminal behind it. */
	ws.ws_row = lines ? atoi(lines) : 24;
	ws.ws_col = columns ? atoi(columns) : 80;
	ioctl(tty, TIOCSWINSZ, &ws);
	unsetenv("LINES");
	unsetenv("COLUMNS");
	wait_for(spawn(BUSYBOX, argv, tty, tty));
	verdict("passed");
}

int main(int argc, char *argv[])
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (getpid() != 1) {
		fprintf(stderr, "init: to be run as PID 1, by boot.sh\n");
		return 1;
	}
	mount_all();
	loopback_up();
	setenv("PATH", "/bin", 1);
	install_busybox();
	if (chdir("/root") && chdir("/"))
		die("chdir");

	if (!strcmp(mode, "shell"))
		run_shell();
	open_output();
	if (!strcmp(mode, "run"))
		run_script();
	watch_kernel_log();
	if (!strcmp(mode, "test") && argc > 2)
		run_tests(atoi(argv[2]));
	errno = EINVAL;
	die("kernel command line");
}
