#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The KUnit suites in kernel/tests/: on ARCH=um with the kernel's own kunit.py, where a run takes seconds once that kernel is
# built, then on the x86_64 kernel of the tests, with its SMP, slab debugging and user memory of its own. Arguments go to
# kunit.py, and leave the second out: kunit.sh 'pid.*busy*'
. "$(dirname "$0")/common.sh"
need_tree

harness=$linux/tools/testing/selftests/clone_with_pids/qemu
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

CCACHE_BASEDIR=$top/build CCACHE_NOHASHDIR=1 "$linux/tools/testing/kunit/kunit.py" run --kunitconfig kernel/tests \
	--build_dir "$top/build/um" --make_options CC='ccache gcc' --jobs "$(nproc)" "$@" 2>&1 | tee "$log" || status=1
[ $# -gt 0 ] || make --no-print-directory -C "$harness" run KSRC="$linux" O="$top/build/x86_64" \
	TESTS=kunit_test SAMPLES_TEST= 2>&1 | tee -a "$log" | sed '/^[0-9]* passed, [0-9]* failed/d' || status=1

# The harness looks for trouble in the kernel's log, kunit.py does not. What ARCH=um has to say before the tests is its own.
if sed -n '/KTAP version/,$p' "$top/build/um/test.log" | grep -E 'BUG|WARNING:|Call Trace'; then
	say "the kernel reports trouble: see build/um/test.log"
	status=1
fi

awk -v bad="$status" '
	function count(label) { return match($0, label ": [0-9]+") ? substr($0, RSTART + length(label) + 2, RLENGTH) + 0 : 0 }
	/Testing complete\. Ran/ {
		passed += count("passed")
		failed += count("failed") + count("crashed") + count("errors")
		skipped += count("skipped")
	}
	/^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; skipped += $5 }
	END {
		if (bad && !failed) failed = 1
		printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
	}' "$log"
exit "$status"
