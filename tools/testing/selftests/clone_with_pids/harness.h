/* SPDX-License-Identifier: GPL-2.0 */
/* The kselftest harness, fixtures with a variant for each ABI, and skips. */
#ifndef SELFTEST_HARNESS_H
#define SELFTEST_HARNESS_H

#include "../kselftest_harness.h"
#include "call.h"
#include "child.h"

/* SKIP_IF(return, lacks_call(nr)): skips the test if the kernel lacks something */
#define SKIP_IF(statement, lacks) do {					\
	const char *missing = (lacks);					\
									\
	if (missing)							\
		SKIP(statement, "%s", missing);				\
} while (0)

/* Variants of a fixture for each ABI: .nr is the number of the call there. */
#define FIXTURE_VARIANT_NATIVE(fixture)					\
	FIXTURE_VARIANT(fixture) {					\
		long nr;						\
	};								\
	FIXTURE_VARIANT_ADD(fixture, native) {				\
		.nr = __NR_clone_with_pids				\
	}

#ifdef __x86_64__
#define FIXTURE_VARIANT_EACH_ABI(fixture)				\
	FIXTURE_VARIANT_NATIVE(fixture);				\
	FIXTURE_VARIANT_ADD(fixture, x32) {				\
		.nr = X32_BIT | __NR_clone_with_pids			\
	}
#else
#define FIXTURE_VARIANT_EACH_ABI FIXTURE_VARIANT_NATIVE
#endif

#ifdef __x86_64__
/* Without that entry, int $0x80 faults. */
static inline const char *lacks_int80(void)
{
	const unsigned int nr_getpid = 20;
	pid_t pid = fork();

	if (!pid)
		_exit(int80(nr_getpid, 0, 0, 0, 0, 0, 0) != getpid());
	return wait_exit(pid) ? "kernel without CONFIG_IA32_EMULATION" : NULL;
}
#endif

#endif /* SELFTEST_HARNESS_H */
