#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The size of what the series touches, what calls cost, and how long pidmap_lock is held, on the unpatched and on the patched
# kernel.
. "$(dirname "$0")/common.sh"
need_tree

harness=$linux/tools/testing/selftests/clone_with_pids/qemu
make="make --no-print-directory -C $harness"
bench=$top/build/x86_64/clone_with_pids/bench
$make tests KSRC="$linux" O="$top/build/x86_64" >/dev/null

cd "$top/build"
for k in base/x86_64 x86_64; do
	echo "== build/$k"
	size $k/kernel/pid.o $k/kernel/fork.o $k/vmlinux
	[ ! -e $k/kernel/clone_with_pids.o ] || size $k/kernel/clone_with_pids.o | tail -n 1
	"$harness/boot.sh" -x bench $k/arch/x86/boot/bzImage "$bench"
done

# The same kernels, but pid.o measures. With -icount, a nanosecond of the guest is one instruction, whatever the host does.
cat <<EOT
== pidmap_lock held with interrupts off, in instructions: the longest time, the sum for a call, how many times a call
EOT
measured() {	# measured O SOURCE
	say "the measuring pid.o in build/$1"
	$make kernel KSRC="$2" O="$PWD/$1" CFLAGS_pid.o="-include $top/scripts/hold-time.h" >"$1/hold.log" 2>&1 ||
		{ tail "$1/hold.log"; die "build/$1 does not build with scripts/hold-time.h"; }
	echo "== build/$1"
	"$harness/boot.sh" -c 1 -q '-icount shift=0,sleep=off' -x bench "$1/arch/x86/boot/bzImage" "$bench"
	$make kernel KSRC="$2" O="$PWD/$1" >/dev/null	# as it was
}
measured base/x86_64 "$top/build/base/linux"
measured x86_64 "$linux"
