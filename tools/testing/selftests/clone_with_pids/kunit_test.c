// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's KUnit suites for the call (kernel/tests/), run from here: each
 * of their cases counts as one of this test's.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"

#define NR_SUITES 2

static const char * const suites[NR_SUITES] = { "pid", "clone_with_pids" };

static int open_file(const char *suite, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/kunit/%s/%s", suite, name);
	return open(path, flags | O_CLOEXEC);
}

/* Runs @suite, which prints KTAP. */
static void run(const char *suite, char *ktap, size_t size)
{
	int fd = open_file(suite, "run", O_WRONLY);
	FILE *f;

	if (fd < 0)
		ksft_exit_skip("no KUnit suite %s: not built, kunit.enable=0, or no debugfs\n",
			       suite);
	if (write(fd, "1", 1) != 1)
		ksft_exit_fail_perror(suite);
	close(fd);

	fd = open_file(suite, "results", O_RDONLY);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f || fread(ktap, 1, size - 1, f) == 0 || !feof(f))
		ksft_exit_fail_perror(suite);
	fclose(f);
}

/* How many cases the suite has. Its lines are indented once, theirs twice. */
static unsigned int plan_of(const char *ktap, const char *suite)
{
	const char *line = strstr(ktap, "\n    1..");
	unsigned int nr;

	if (!line || sscanf(line, "\n    1..%u", &nr) != 1)
		ksft_exit_fail_msg("suite %s has no plan\n", suite);
	return nr;
}

/* The name of a case that ended with @result, if that is what @line says. */
static const char *name_of(const char *line, const char *result)
{
	size_t len = strlen(result);

	if (strncmp(line, result, len) || !isdigit(line[len]))
		return NULL;
	return line + len + strspn(line + len, "0123456789 ");
}

static void report(char *ktap, const char *suite)
{
	const char *line, *passed, *failed;

	while ((line = strsep(&ktap, "\n"))) {
		passed = name_of(line, "    ok ");
		failed = name_of(line, "    not ok ");
		if (failed)
			ksft_test_result_fail("%s: %s\n", suite, failed);
		else if (passed && strstr(passed, " # SKIP"))
			ksft_test_result_skip("%s: %s\n", suite, passed);
		else if (passed)
			ksft_test_result_pass("%s: %s\n", suite, passed);
		else if (*line)
			ksft_print_msg("%s\n", line);
	}
}

int main(void)
{
	static char ktap[NR_SUITES][1 << 20];
	unsigned int plan = 0;
	int i;

	ksft_print_header();
	for (i = 0; i < NR_SUITES; i++) {
		run(suites[i], ktap[i], sizeof(ktap[i]));
		plan += plan_of(ktap[i], suites[i]);
	}

	ksft_set_plan(plan);
	for (i = 0; i < NR_SUITES; i++)
		report(ktap[i], suites[i]);
	ksft_finished();
}
