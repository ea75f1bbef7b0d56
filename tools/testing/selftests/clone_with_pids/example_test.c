// SPDX-License-Identifier: GPL-2.0
/*
 * The example of Documentation/clone-with-pids, which the Makefile takes from
 * there, does what it says where it may.
 */
#include <libgen.h>

#include "call.h"
#include "child.h"
#include "harness.h"
#include "namespaces.h"

#ifdef __x86_64__
#define EXAMPLE "example"
#else
#define EXAMPLE "example_32"
#endif

FIXTURE(example)
{
	char path[PATH_MAX];
};

FIXTURE_SETUP(example)
{
	char exe[PATH_MAX - sizeof("/" EXAMPLE)] = {};

	SKIP_IF(return, lacks_call(__NR_clone_with_pids));
	ASSERT_LT(0, readlink("/proc/self/exe", exe, sizeof(exe) - 1));
	snprintf(self->path, sizeof(self->path), "%s/" EXAMPLE, dirname(exe));
	ASSERT_EQ(0, access(self->path, X_OK));
}

FIXTURE_TEARDOWN(example)
{
	EXPECT_EQ(-ECHILD, wait_exit(-1));
}

static int run(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		/* What it prints is none of the test's TAP. */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl(path, path, NULL);
		_exit(127);
	}
	return wait_exit(pid);
}

/* It enters two namespaces itself. */
TEST_F(example, succeeds)
{
	EXPECT_EQ(0, run(self->path));
}

/*
 *   oldest        middle       youngest
 *   test      --> init     --> init --> example --> --> child
 */
TEST_F(example, succeeds_in_a_container)
{
	nest(DEPTH - 1);
	EXPECT_EQ(0, run(self->path));
}

TEST_F(example, says_so_if_it_may_not)
{
	ASSERT_EQ(0, setresuid(54321, 54321, 54321));
	EXPECT_EQ(1, run(self->path));
}

TEST_HARNESS_MAIN
