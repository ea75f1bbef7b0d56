#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Each commit of the series builds on x86_64 and i386 without a warning and boots; the kernel's own clone3, pidfd and
# pid_namespace selftests do on it what they do on the unpatched kernel; and so do our own, from when they are there. Then
# "git am" of the mails on a pristine tree gives the very tree. A kernel that is, byte for byte, the one of the commit before
# is not booted again. Quick where ccache knows the first and the last kernel, for most files are as in one of them.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/kselftests.sh"
need_tree

ours=tools/testing/selftests/clone_with_pids
tree=$top/build/steps/linux out=$top/build/steps	# a folder of this name beside O=, or ccache takes all for new
bin=$top/build/x86_64/clone_with_pids
make="make --no-print-directory -C $harness"
x86_64=$out/x86_64/arch/x86/boot/bzImage i386=$out/i386/arch/x86/boot/bzImage
ours32=("$i386" "$bin/clone3_test_32")

mkdir -p "$out"
[ -d "$tree" ] || git_linux worktree add -q -f --detach "$tree" base

$make tests samples KSRC="$linux" O="$top/build/x86_64" >/dev/null
build_kselftests "$top/build/x86_64/usr/include"
mapfile -t programs < <(cd "$kselftests/programs" && printf '%s\n' {clone3,pidfd,pid_namespace}.* | grep -v '_32$')
kselftest_results "$top/build/base/x86_64/arch/x86/boot/bzImage" "$out/0.results" "${programs[@]}"

build() {	# build ARCH: the kernel of the commit that is checked out
	$make kernel KSRC="$tree" ARCH="$1" O="$out/$1" >"$out/$n-$1.build" 2>&1 ||
		{ tail "$out/$n-$1.build"; die "$name: does not build on $1"; }
	! grep 'warning:' "$out/$n-$1.build" || die "$name: builds with warnings on $1"
}

n=0 was64='' was=''
for commit in $(git_linux rev-list --reverse base..HEAD); do
	n=$((n + 1)) name=$(git_linux log -1 --format=%s "$commit")
	git -C "$tree" checkout -q -f --detach "$commit"
	say "$n: $name: building it"
	build x86_64 &
	build i386
	wait $! || exit
	[ ! -d "$tree/$ours" ] || ours32=(-S -f "$bin/example_32" "$i386" "$bin"/*_test_32)
	is64=$(sha256sum <"$x86_64")
	is="$is64 $(sha256sum <"$i386") ${ours32[*]}"
	[ "$is" != "$was" ] || { say "   the same kernels as before"; continue; }
	say "   booting it"
	"$harness/boot.sh" "${ours32[@]}" >"$out/$n-i386.log" 2>&1 &
	if [ "$is64" != "$was64" ]; then
		kselftest_results "$x86_64" "$out/$n.results" "${programs[@]}"
		diff "$out/0.results" "$out/$n.results" ||
			die "$name: the kernel's own selftests do not do what they do without it (<: without, >: with)"
	fi
	wait $! || { tail "$out/$n-i386.log"; die "$name: i386 does not boot, or a test fails there"; }
	if [ -d "$tree/$ours" ]; then
		"$harness/boot.sh" -S -f "$bin/example" -f "$bin/example_32" "$x86_64" "$bin"/*_test "$bin"/*_test_32 \
			>"$out/$n-ours.log" 2>&1 || { tail "$out/$n-ours.log"; die "$name: our own tests fail"; }
		say "   $(tail -n 1 "$out/$n-ours.log") of our own"
	fi
	was64=$is64 was=$is
done
say "$n commits build, boot, and change none of $(wc -l <"$out/0.results") results of the kernel's own selftests"

"$(dirname "$0")/series.sh"
git -C "$tree" checkout -q -f --detach base
git -C "$tree" am -q "$top"/build/series/00{0[1-9],1?}-*.patch || die "git am of build/series fails: see $tree"
git -C "$tree" diff --quiet "$(git_linux rev-parse HEAD)" || die "git am of build/series gives another tree"
say "git am of build/series on the pristine tree gives the very tree"
