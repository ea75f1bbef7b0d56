// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of operations in a tree of pid namespaces up to 33 levels
 * deep: calls with pid sets of all kinds, fork(), clone3(), exits, process
 * groups and sessions, changes of privilege and of allocation cursors. The
 * result of each operation and all pids of each child must be those that the
 * model predicts.
 *
 *   level 0     level 1, 2, ...
 *   driver  --> task 0 --> tasks
 *
 * The driver has one task at a time perform one operation, all on one CPU, so
 * that a sequence can be repeated. A round starts with a new task 0 and ends,
 * after some hundred calls, by killing it. When the model and the kernel
 * disagree, new rounds with fewer operations look for a shorter sequence that
 * shows it. That is printed and can be edited and run again:
 *
 *   fuzz_test -r 'p0 call p1 newpid [0,99]; p1 fork p2 reaped'
 *
 * p0 enters a namespace that has no init through a descriptor: for the
 * pid_for_children of p1, or for one that p1 has opened before.
 *
 *   fuzz_test -r 'p0 fork p1; p1 unshare newpid; p0 open p1 children;
 *                 p1 exit; p0 setns p0 opened; p0 fork p2'
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/random.h>

#include "../kselftest.h"
#include "call.h"
#include "fuzz_drive.h"
#include "fuzz_generate.h"
#include "namespaces.h"
#include "proc.h"
#include "util.h"

#define CALLS		6000	/* for each of two seeds, where none is given */
#define ROUND_CALLS	500

/* Makes @calls calls. Stops at the first disagreement and returns false. */
static bool run_round(__u64 seed, unsigned int nr, unsigned long calls)
{
	static struct op ops[MAX_OPS];
	unsigned long end = stats.calls + calls, first_op = stats.ops;
	struct stats saved;
	bool good = true;
	int i = 0;
	pid_t pid;

	start_generator(seed, nr);
	pid = start_round();
	while (good && i < MAX_OPS - 1 && stats.calls < end) {
		generate(&ops[i]);
		good = agree(&ops[i++]);
	}
	if (good) {
		ops[i] = (struct op){ .type = CHECK };
		good = agree(&ops[i++]);
	}
	if (end_round(pid, good))
		return true;

	ksft_print_msg("seed %llu, round %u, operation %lu (%lu of all, call %lu):\n",
		       (unsigned long long)seed, nr, stats.ops - first_op,
		       stats.ops, stats.calls);
	ksft_print_msg("%s\n", disagreement);
	saved = stats;
	shrink(ops, i);
	stats = saved;
	return false;
}

static bool run_seed(__u64 seed, unsigned long calls)
{
	const long long start = now_ms();
	const unsigned long before = stats.calls, ops = stats.ops;
	unsigned long left, next = 100000;
	unsigned int nr;
	bool good = true;

	for (nr = 0; good && stats.calls - before < calls; nr++) {
		left = calls - (stats.calls - before);
		good = run_round(seed, nr, left < ROUND_CALLS ? left : ROUND_CALLS);
		if (stats.calls - before >= next) {
			ksft_print_msg("seed %llu: %lu calls, %lld s\n",
				       (unsigned long long)seed, next,
				       (now_ms() - start) / 1000);
			next += 100000;
		}
	}
	ksft_test_result(good, "seed %llu: %lu calls among %lu operations in %u rounds, %lld ms\n",
			 (unsigned long long)seed, stats.calls - before,
			 stats.ops - ops, nr, now_ms() - start);
	return good;
}

/* An outcome that did not occur was not tested. */
static void report_outcomes(void)
{
	enum corner corner;
	enum outcome outcome;

	for (outcome = 0; outcome < NR_OUTCOMES; outcome++)
		if (outcome == TOO_MANY_TASKS && !have_cgroup)
			ksft_test_result_skip("no cgroup2 with pids at %s\n",
					      CGROUP_ROOT);
		else
			ksft_test_result(stats.outcomes[outcome], "%lu calls: %s\n",
					 stats.outcomes[outcome], outcomes[outcome].text);
	for (corner = 0; corner < NR_CORNERS; corner++)
		ksft_test_result(corners[corner], "%lu times: %s\n",
				 corners[corner], corner_names[corner]);
	ksft_print_msg("besides, %lu of clone3() and clone()\n", stats.others);
}

static void replay(char *ops_or_file)
{
	static struct op ops[MAX_OPS];
	static char text[1 << 20];
	FILE *f = fopen(ops_or_file, "re");
	char *op, *rest = text, copy[1024];
	int nr = 0;

	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
	} else {
		snprintf(text, sizeof(text), "%s", ops_or_file);
	}
	while ((op = strsep(&rest, ";\n"))) {
		op += strspn(op, " \t");
		if (!*op)
			continue;
		if (nr == MAX_OPS)
			ksft_exit_fail_msg("more than %d operations\n", MAX_OPS);
		snprintf(copy, sizeof(copy), "%s", op);
		if (!parse_op(op, &ops[nr++]))
			ksft_exit_fail_msg("operation %d is not understood: %s\n",
					   nr, copy);
	}
	verbose = true;
	if (run_ops(ops, &nr)) {
		ksft_test_result_pass("%d operations\n", nr);
	} else {
		ksft_print_msg("%s\n", disagreement);
		ksft_test_result_fail("%d operations\n", nr);
	}
}

static int old_pid_max;

static void restore_pid_max(void)
{
	write_int(PID_MAX, old_pid_max);
}

static void prepare(void)
{
	struct sigaction run_other_op = { .sa_handler = on_alarm };
	const char *missing = lacks_call(__NR_clone_with_pids);
	cpu_set_t cpu;

	if (missing)
		ksft_exit_skip("%s\n", missing);
	if (access(NS_LAST_PID, F_OK))
		ksft_exit_skip("kernel without CONFIG_CHECKPOINT_RESTORE\n");
	if (geteuid() || levels() != 1)
		ksft_exit_skip("to be run by root in the initial pid namespace\n");

	sigaction(SIGALRM, &run_other_op, NULL);
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		ksft_exit_fail_perror("sched_setaffinity");
	make_slots();
	make_cgroup();
	old_pid_max = read_int(PID_MAX);
	atexit(restore_pid_max);
	if (write_int(PID_MAX, PID_LIMIT))
		ksft_exit_fail_perror(PID_MAX);
	pass_reserved_pids();
}

static unsigned long long number(const char *text, char option)
{
	char *end;
	unsigned long long nr = strtoull(text, &end, 0);

	if (!isdigit(*text) || *end)
		ksft_exit_fail_msg("-%c %s: a number is wanted\n", option, text);
	return nr;
}

int main(int argc, char *argv[])
{
	unsigned long long seed, calls = CALLS;
	bool one_seed = false;
	char *ops = NULL;
	int opt;

	setlinebuf(stdout);
	ksft_print_header();
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		ksft_exit_fail_perror("getrandom");
	seed %= 1000000;
	while ((opt = getopt(argc, argv, "s:n:r:v")) != -1) {
		switch (opt) {
		case 's':
			seed = number(optarg, opt);
			one_seed = true;
			break;
		case 'n':
			calls = number(optarg, opt);
			one_seed = true;
			break;
		case 'r':
			ops = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			ksft_exit_fail_msg("usage: fuzz_test [-v] [-s SEED] [-n CALLS] | -r FILE | -r 'OPERATION; ...'\n");
		}
	}
	prepare();
	if (ops) {
		ksft_set_plan(1);
		replay(ops);
		ksft_finished();
	}
	/* Seed 1, and one that is different each time. */
	ksft_set_plan(1 + !one_seed + NR_OUTCOMES + NR_CORNERS);
	if (one_seed || run_seed(1, calls))
		run_seed(seed, calls);
	else
		ksft_test_result_fail("no second seed tried\n");
	report_outcomes();
	ksft_finished();
}
