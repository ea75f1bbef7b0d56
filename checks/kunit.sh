#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The KUnit suites in kernel/tests/: on ARCH=um with the kernel's own kunit.py, where a run takes seconds once that kernel is
# built, then on the x86_64 kernel of the tests, with its SMP, slab debugging and user memory of its own. Arguments go to
# kunit.py, and leave the second out: kunit.sh 'pid.*busy*'
. "$(dirname "$0")/../assemble/common.sh"
need_tree

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

CCACHE_BASEDIR=$build CCACHE_NOHASHDIR=1 "$linux/tools/testing/kunit/kunit.py" run --kunitconfig kernel/tests \
	--build_dir "$build/um" --make_options CC='ccache gcc' --jobs "$(nproc)" "$@" 2>&1 | tee "$log" | sed '/Testing complete\. Ran/d' || status=1
[ $# -gt 0 ] || make --no-print-directory -C "$harness" run KSRC="$linux" O="$x86_64" \
	TESTS=kunit_test SAMPLES_TEST= 2>&1 | tee -a "$log" | sed '/^[0-9]* passed, [0-9]* failed/d' || status=1

# The harness looks for trouble in the kernel's log, kunit.py does not. What ARCH=um has to say before the tests is its own.
if sed -n '/KTAP version/,$p' "$build/um/test.log" | grep -E 'BUG|WARNING:|Call Trace'; then
	say "the kernel reports trouble: see build/$BASE/um/test.log"
	status=1
fi

"$top/checks/results.py" count $(($# ? 1 : 2)) <"$log"
exit "$status"
