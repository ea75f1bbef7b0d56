#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Tasks that race for overlapping sets of pids, on 2 and on 4 CPUs, each for STRESS_SECONDS (300). Prints their figures. What
# the kernel reports, and a leak, is a failure.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

seconds=${STRESS_SECONDS:-300}
[[ $seconds =~ ^[1-9][0-9]{0,5}$ ]] || die "STRESS_SECONDS=$seconds: a number of seconds, please"
make --no-print-directory -C "$harness" kernel tests KSRC="$linux" O="$x86_64" >/dev/null

for cpus in 2 4; do
	say "$cpus CPUs, $seconds seconds"
	"$harness/boot.sh" -S -c "$cpus" -k "STRESS_SECONDS=$seconds" -T $((seconds + 100)) -t $((seconds + 200)) \
		"$bzimage" "$bin/stress_test"
done
