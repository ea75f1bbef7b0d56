// SPDX-License-Identifier: GPL-2.0
/*
 * with_pids - run a command with chosen pids
 *
 *	with_pids 0,99,177 -- sleep 1000
 *
 * The smallest complete user of clone_with_pids(), and a tool to find out why
 * the kernel refuses a pid: most of it is the explaining of errors.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <linux/capability.h>

#include "pidtree.h"

/* As env(1), nohup(1) and timeout(1) have them. */
#define EXIT_REFUSED	125
#define EXIT_CANNOT_RUN	126
#define EXIT_NOT_FOUND	127

static const char usage[] =
"Usage: with_pids [-n] PIDS [--] COMMAND [ARG...]\n"
"\n"
"Run COMMAND with the pids of the list PIDS, wait for it, and exit as it did.\n"
"\n"
"PIDS are decimal numbers with commas between, from the oldest pid namespace to\n"
"the youngest. Fewer entries than namespaces speak for the youngest ones. 0 lets\n"
"the kernel choose.\n"
"\n"
"It needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over the youngest namespace, even\n"
"if all PIDS are 0, and over each other one that a pid is chosen in; and for -n,\n"
"CAP_SYS_ADMIN.\n"
"\n"
"  -n, --newpid  make COMMAND the first process of a new pid namespace, where it\n"
"                is pid 1; PIDS speak for the existing namespaces\n"
"  -h, --help    show this\n"
"\n"
"Signals that are sent to with_pids are passed on to COMMAND.\n"
"\n"
"Exit status:\n"
"  that of COMMAND, or 128+N if signal N killed it\n"
"  2    with_pids was used wrongly: a bad option or a bad list\n"
"  125  the kernel refused: standard error says which pid, and why\n"
"  126  COMMAND cannot be run\n"
"  127  COMMAND was not found\n"
"\n"
"Examples:\n"
"  with_pids 4242 -- sh -c 'echo $$'       pid 4242 in the youngest namespace\n"
"  with_pids 0,99,177 -- sleep 1000        three levels: any, 99 and 177\n"
"  with_pids -n 300 -- sh -c 'echo $$'     300 here, 1 in a new namespace\n";

static void __noreturn misused(const char *what, const char *detail)
{
	fprintf(stderr, "with_pids: %s%s%s\nTry 'with_pids --help'.\n", what,
		detail ? ": " : "", detail ? detail : "");
	exit(EXIT_USAGE);
}

static bool visible(const struct place *place)
{
	return !place->index || (place->index > 0 && place->ino);
}

/* "pid 99 (entry 2 of 3: level 1, pid:[4026532201])" */
static void say_entry(const struct ids *want, unsigned int i, unsigned int levels,
		      const struct place *place)
{
	fprintf(stderr, "  pid %d (entry %u of %u: level %u",
		want->nr[i], i + 1, want->num, levels - want->num + i);
	if (place->ino)
		fprintf(stderr, ", pid:[%lu]", place->ino);
	fputc(')', stderr);
}

static void explain_busy(const struct ids *want, unsigned int levels)
{
	struct place place;
	bool found = false;
	unsigned int i;
	char *holders;

	for (i = 0; i < want->num; i++) {
		if (!want->nr[i])
			continue;
		find_place(&place, want->num - 1 - i);
		holders = visible(&place) ? pid_holders(want->nr[i], &place) : NULL;
		if (holders) {
			say_entry(want, i, levels, &place);
			fprintf(stderr, " is held\n%s", holders);
			free(holders);
		} else if (!visible(&place)) {
			say_entry(want, i, levels, &place);
			fputs(" may be held; that cannot be seen from here:\n"
			      "    /proc does not show a namespace this old\n", stderr);
		} else {
			continue;
		}
		found = true;
	}
	if (!found)
		fputs("  Nobody is seen to hold it: it is free again by now, or /proc hides tasks\n"
		      "  (mount option hidepid).\n", stderr);
}

static bool has_cap_sys_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	syscall(SYS_capget, &header, data);
	return data[0].effective & (1U << CAP_SYS_ADMIN);
}

static void explain_perm(const struct ids *want, unsigned int levels, int flags)
{
	struct place place;
	bool found = false;
	unsigned int i;

	find_place(&place, 0);
	if (!may_choose(want->num, want->num - 1)) {
		fputs("  This caller may not use clone_with_pids(), whatever the pids. It needs\n"
		      "  CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN in the user namespace that owns the\n"
		      "  youngest pid namespace", stderr);
		if (place.ino)
			fprintf(stderr, ", pid:[%lu]", place.ino);
		fputs(".\n", stderr);
		found = true;
	}
	for (i = 0; !found && i < want->num; i++) {
		if (!want->nr[i] || may_choose(want->num, i))
			continue;
		find_place(&place, want->num - 1 - i);
		say_entry(want, i, levels, &place);
		fputs(" is not this caller's to choose: it needs\n"
		      "  CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN in the user namespace that owns that\n"
		      "  pid namespace. 0 leaves the choice to the kernel.\n", stderr);
		found = true;
	}
	if (flags & CLONE_NEWPID && !has_cap_sys_admin())
		fprintf(stderr, "  A new pid namespace (-n) needs CAP_SYS_ADMIN%s.\n",
			found ? ", too" : "; the pids are this caller's to choose");
	else if (!found && call_error(flags))
		fputs("  A seccomp filter forbids the call with CLONE_NEWPID (-n), and not without.\n",
		      stderr);
	else if (!found)
		fputs("  The pids are this caller's to choose; a seccomp filter may be in the way.\n",
		      stderr);
}

static void explain_inval(const struct ids *want, unsigned int levels, bool empty)
{
	long pid_max = read_number("/proc/sys/kernel/pid_max");
	unsigned int i;

	if (want->num > levels) {
		fprintf(stderr, "  %u entries, but COMMAND would live in %u pid namespace(s).\n",
			want->num, levels);
		return;
	}
	for (i = 0; i < want->num; i++) {
		if (pid_max > 0 && want->nr[i] >= pid_max) {
			fprintf(stderr, "  pid %d (entry %u of %u) is not below kernel.pid_max, %ld\n",
				want->nr[i], i + 1, want->num, pid_max);
			return;
		}
	}
	if (empty && want->num && ids_last(want) > 1)
		fprintf(stderr, "  pid %d (entry %u of %u): COMMAND would be the first process of\n"
			"  a new pid namespace; ask there for 1, or for 0\n",
			ids_last(want), want->num, want->num);
	else
		fputs("  The set is good as far as can be seen here, but on newer kernels each pid\n"
		      "  namespace has its own kernel.pid_max; clone(2) tells other reasons for this\n",
		      stderr);
}

static void __noreturn refused(const struct ids *want, int flags, int error)
{
	int missing = call_error(0);
	unsigned int depth, levels;
	bool empty;

	if (missing) {
		warnx("clone_with_pids: %s", strerror(missing));
		fputs(missing == ENOSYS ?
		      "  This kernel does not have the call: it needs CONFIG_CLONE_WITH_PIDS=y.\n" :
		      "  A seccomp filter forbids the call here.\n", stderr);
		exit(EXIT_REFUSED);
	}

	depth = newborn_depth(&empty);
	levels = count_levels(depth);
	warnx("cannot give pids %s to the command: %s", ids_text(want, ','), strerror(error));
	switch (error) {
	case EBUSY:
		explain_busy(want, levels);
		break;
	case EPERM:
		explain_perm(want, levels, flags);
		break;
	case EINVAL:
		explain_inval(want, levels, empty);
		break;
	case EAGAIN:
		fputs("  A limit is reached: RLIMIT_NPROC, the cgroup's pids.max, kernel.threads-max,\n"
		      "  or no pid is free for an entry of 0\n", stderr);
		break;
	case ENOMEM:
		fputs("  No memory; or the first process of the pid namespace has gone, and\n"
		      "  with it the namespace\n", stderr);
		break;
	case ENOSPC:
	case EUSERS:
		fputs("  No more pid namespaces: they nest 33 deep, and user.max_pid_namespaces\n"
		      "  limits their number\n", stderr);
		break;
	}
	exit(EXIT_REFUSED);
}

static void __noreturn run(char **argv)
{
	execvp(argv[0], argv);
	warn("%s", argv[0]);
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

/*
 * Until the child has ended, pass on the signals that are sent to this process
 * alone. Those of the terminal go to the whole foreground group, the child
 * included. When the child is stopped so is this process, that the shell may
 * have its terminal back.
 */
static int wait_for(pid_t child, const sigset_t *set)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(set, &info) < 0) {
			if (errno == EINTR)
				continue;
			err(EXIT_REFUSED, "sigwaitinfo");
		}
		if (info.si_signo != SIGCHLD) {
			if (info.si_code != SI_KERNEL)
				kill(child, info.si_signo);
			continue;
		}
		while (waitpid(child, &status, WNOHANG | WUNTRACED) == child) {
			if (WIFEXITED(status))
				return WEXITSTATUS(status);
			if (WIFSIGNALED(status))
				return 128 + WTERMSIG(status);
			kill(getpid(), SIGSTOP);
		}
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help",	no_argument, NULL, 'h' },
		{ "newpid",	no_argument, NULL, 'n' },
		{ }
	};
	static const int passed_on[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH, SIGALRM,
	};
	sigset_t set, old;
	struct ids want;
	const char *wrong;
	unsigned int i;
	int flags = 0;
	const char *arg;
	pid_t child;
	int c;

	/* The "+" leaves the options of COMMAND alone. */
	opterr = 0;
	while (arg = argv[optind], (c = getopt_long(argc, argv, "+hn", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'n':
			flags = CLONE_NEWPID;
			break;
		default:
			if (isdigit(optopt))
				misused("a pid cannot be negative", arg);
			misused("no such option", arg);
		}
	}
	if (optind == argc)
		misused("which pids, and for which command?", NULL);
	wrong = ids_parse(&want, argv[optind]);
	if (wrong)
		misused("bad list of pids", wrong);
	argv += optind + 1;
	if (*argv && !strcmp(*argv, "--"))
		argv++;
	if (!*argv)
		misused("which command shall get these pids?", NULL);

	/* SIGCHLD must be pending for sigwaitinfo(), and zombies must wait for us. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&set, passed_on[i]);
	sigprocmask(SIG_BLOCK, &set, &old);

	child = fork_with_pids(flags, &want);
	if (child < 0)
		refused(&want, flags, errno);
	if (!child) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		run(argv);
	}
	return wait_for(child, &set);
}
