#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# All tests, with the races going on for STRESS_SECONDS (30), on kernels that look for wrong use of memory and locks and for leaks
# (debug), and for data races (kcsan): what they report is a failure. "debug.sh NAME..." takes those of qemu/NAME.config.
# The 64-bit programs run in one machine, the 32-bit ones in another beside it.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

seconds=${STRESS_SECONDS:-30}
[[ $seconds =~ ^[1-9][0-9]{0,3}$ ]] || die "STRESS_SECONDS=$seconds: a number of seconds, please"
[ $# -gt 0 ] || set -- debug kcsan
for name; do
	[ -r "$harness/$name.config" ] || die "there is no $name.config in $harness"
done

boot() {	# boot BITS FILE...: what boot.sh prints, and its status
	local bits=$1
	shift
	"$harness/boot.sh" -S -m 1024 -t 1800 -T $((600 + seconds)) -k "STRESS_SECONDS=$seconds" -l "$out/console-$bits.log" \
		"$@" 2>&1 | sed -u "s/^/$name $bits: /"
}

status=0
for name; do
	out=$build/$name bin=$build/$name/clone_with_pids bzimage=$build/$name/arch/x86/boot/bzImage
	make --no-print-directory -C "$harness" kernel tests samples KSRC="$linux" O="$out" \
		CONFIGS="common.config x86_64.config ../config $name.config"
	boot 64 -b -f "$bin/example" -f "$bin/with_pids" -f "$bin/checkpoint" -f "$bin/restart" -f "$bin/threads" \
		"$bzimage" "$bin"/*_test "$linux/samples/clone_with_pids/samples_test.sh" &
	boot 32 -f "$bin/example_32" "$bzimage" "$bin"/*_test_32 || status=1
	wait $! || status=1
done
((!status)) || die "a test failed, or a kernel reported something: see above"
