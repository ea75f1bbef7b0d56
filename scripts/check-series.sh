#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Each commit of the series builds on x86_64 and i386 without a warning and boots; the kernel's own clone3, pidfd and
# pid_namespace selftests do on it what they do on the unpatched kernel; and so do our own, from when they are there. Then
# "git am" of the mails on a pristine tree gives the very tree. Slow: most commits touch headers that all else includes.
. "$(dirname "$0")/common.sh"
need_tree

harness=$linux/tools/testing/selftests/clone_with_pids/qemu
ours=tools/testing/selftests/clone_with_pids
tree=$top/build/steps-linux out=$top/build/steps
bin=$top/build/x86_64/clone_with_pids
make="make --no-print-directory -C $harness"
programs=() i386=$out/i386/arch/x86/boot/bzImage
ours32=("$i386" "$bin/clone3_test_32")

"$(dirname "$0")/deps.sh" libcap-dev
mkdir -p "$out"
[ -d "$tree" ] || git_linux worktree add -q -f --detach "$tree" base
git -C "$tree" checkout -q -f --detach base

$make tests samples KSRC="$linux" O="$top/build/x86_64" >/dev/null
for dir in clone3 pidfd pid_namespace; do
	mkdir -p "$out/selftests/$dir"
	make -s -C "$tree/tools/testing/selftests/$dir" OUTPUT="$out/selftests/$dir" LDFLAGS=-static \
		KHDR_INCLUDES="-isystem $top/build/x86_64/usr/include" >"$out/selftests.log" 2>&1 ||
		{ tail "$out/selftests.log"; die "the kernel's own $dir selftests do not build"; }
	programs+=("$out/selftests/$dir"/*[a-z0-9])
done

# What the kernel's own selftests say on the kernel in $1, one result a line, and what the harness has to say of that kernel.
# A small pid_max, for pidfd_test uses up all pids.
results() {
	"$harness/boot.sh" -b -t 600 -T 200 -k sysctl.kernel.pid_max=1500 "$1" "${programs[@]}" >"$2.log" 2>&1 || true
	grep -E '^(# )?(not )?ok |^# (boot.sh|leak): .*(trouble|leak)' "$2.log" | sed -E 's/ # (exit|signal).*//; s/[0-9]+ ?usec.*//' >"$2"
	[ -s "$2" ] || { tail "$2.log"; die "no selftest ran"; }
}

n=0
for commit in $(git_linux rev-parse base; git_linux rev-list --reverse base..HEAD); do
	name=$(git_linux log -1 --format=%s "$commit")
	say "$n: $name"
	git -C "$tree" checkout -q -f --detach "$commit"
	for arch in x86_64 i386; do
		say "   building it for $arch"
		$make kernel KSRC="$tree" ARCH=$arch O="$out/$arch" >"$out/$n-$arch.build" 2>&1 ||
			{ tail "$out/$n-$arch.build"; die "$name: does not build on $arch"; }
		! grep 'warning:' "$out/$n-$arch.build" || die "$name: builds with warnings on $arch"
	done
	[ ! -d "$tree/$ours" ] || ours32=(-S -f "$bin/example_32" "$i386" "$bin"/*_test_32)
	"$harness/boot.sh" "${ours32[@]}" >"$out/$n-i386.log" 2>&1 ||
		{ tail "$out/$n-i386.log"; die "$name: i386 does not boot, or a test fails there"; }
	results "$out/x86_64/arch/x86/boot/bzImage" "$out/$n-x86_64.results"
	diff "$out/0-x86_64.results" "$out/$n-x86_64.results" ||
		die "$name: the kernel's own selftests do not do what they do without it (<: without, >: with)"
	if [ -d "$tree/$ours" ]; then
		"$harness/boot.sh" -S -f "$bin/example" -f "$bin/example_32" "$out/x86_64/arch/x86/boot/bzImage" \
			"$bin"/*_test "$bin"/*_test_32 >"$out/$n-ours.log" 2>&1 || { tail "$out/$n-ours.log"; die "$name: our own tests fail"; }
		say "   $(tail -n 1 "$out/$n-ours.log") of our own"
	fi
	n=$((n + 1))
done
say "$((n - 1)) commits build, boot, and change none of $(wc -l <"$out/0-x86_64.results") results of the kernel's own selftests"

"$(dirname "$0")/series.sh"
git -C "$tree" checkout -q -f --detach base
git -C "$tree" am -q "$top"/build/series/00{0[1-9],1?}-*.patch || die "git am of build/series fails: see $tree"
git -C "$tree" diff --quiet "$(git_linux rev-parse HEAD)" || die "git am of build/series gives another tree"
say "git am of build/series on the pristine tree gives the very tree"
