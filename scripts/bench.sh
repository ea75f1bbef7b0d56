#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The size of what the series touches, and what calls cost, on the unpatched and on the patched kernel.
. "$(dirname "$0")/common.sh"
need_tree

harness=$linux/tools/testing/selftests/clone_with_pids/qemu
make --no-print-directory -C "$harness" tests KSRC="$linux" O="$top/build/x86_64" >/dev/null

cd "$top/build"
for k in base/x86_64 x86_64; do
	echo "== build/$k"
	size $k/kernel/pid.o $k/kernel/fork.o $k/vmlinux
	[ ! -e $k/kernel/clone_with_pids.o ] || size $k/kernel/clone_with_pids.o | tail -n 1
	"$harness/boot.sh" -x bench $k/arch/x86/boot/bzImage x86_64/clone_with_pids/bench
done
