/* SPDX-License-Identifier: GPL-2.0 */
/* The capabilities of the caller. */
#ifndef SELFTEST_PRIVILEGE_H
#define SELFTEST_PRIVILEGE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdio.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include "../kselftest.h"

/* Drops all effective capabilities but those of @keep. */
static inline void keep_caps(__u64 keep)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (!syscall(SYS_capget, &hdr, data)) {
		data[0].effective = data[0].permitted & (__u32)keep;
		data[1].effective = data[1].permitted & (__u32)(keep >> 32);
		if (!syscall(SYS_capset, &hdr, data))
			return;
	}
	perror("keep_caps");
	_exit(KSFT_FAIL);
}

#define CAP_BIT(cap)	(1ULL << (cap))

#endif /* SELFTEST_PRIVILEGE_H */
