#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Show the call as the kernel's syscall tracepoints decode it: with_pids asks for a free pid, then for one that is in use. The kernel
# has these tracepoints besides what the tests need, and is built in build/BASE/trace.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

out=$build/trace
mkdir -p "$out"
printf 'CONFIG_%s=y\n' FTRACE FTRACE_SYSCALLS >"$out/trace.config"
make --no-print-directory -C "$harness" kernel samples KSRC="$linux" O="$out" \
	CONFIGS="common.config x86_64.config ../config $out/trace.config"
log=$("$harness/boot.sh" -x '
	mount -t tracefs none /sys/kernel/tracing && cd /sys/kernel/tracing
	for event in enter exit; do echo 1 >events/syscalls/sys_${event}_clone_with_pids/enable; done
	with_pids 4711 -- true
	with_pids 1 -- true
	grep -v "^#" trace' "$out/arch/x86/boot/bzImage" "$out/clone_with_pids/with_pids" 2>&1) || true
echo "$log"
grep -q 'sys_clone_with_pids(flags: ' <<<"$log" && grep -q 'sys_clone_with_pids -> 0x1267' <<<"$log" ||
	die "the call is not decoded: see above"
