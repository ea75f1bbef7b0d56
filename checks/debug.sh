#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# All tests, with the races going on for STRESS_SECONDS (30), on kernels that look for wrong use of memory and locks and for leaks
# (debug), and for data races (kcsan): what they report is a failure. "debug.sh NAME..." takes those of qemu/NAME.config.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

seconds=${STRESS_SECONDS:-30}
[[ $seconds =~ ^[1-9][0-9]{0,3}$ ]] || die "STRESS_SECONDS=$seconds: a number of seconds, please"
[ $# -gt 0 ] || set -- debug kcsan
for name; do
	[ -r "$harness/$name.config" ] || die "there is no $name.config in $harness"
done

status=0
for name; do
	make --no-print-directory -C "$harness" run KSRC="$linux" O="$build/$name" CONFIGS="common.config x86_64.config ../config $name.config" \
		BOOTFLAGS="--memory 1024 --timeout 1800 --timeout-each $((600 + seconds)) --append STRESS_SECONDS=$seconds" || status=1
done
((!status)) || die "a test failed, or a kernel reported something: see above"
