#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Each commit of the series builds on x86_64 without a warning and boots; the kernel's own clone3, pidfd and pid_namespace
# selftests do on it what they do on the unpatched kernel; and so do our own, from when they are there. On i386, kernel/ builds
# without a warning, and from when the call is there the rest does, too, and boots. Then "git am" of the mails on a pristine tree
# gives the very tree. A kernel that is, byte for byte, the one of the commit before is not booted again. Quick where ccache knows
# the first and the last kernel, for most files are as in one of them.
. "$(dirname "$0")/../assemble/common.sh"
. "$top/checks/others/kselftests.sh"
need_tree
kselftest_dirs=(clone3 pidfd pid_namespace)

ours=tools/testing/selftests/clone_with_pids
tree=$build/steps/linux out=$build/steps	# a folder of this name beside O=, or ccache takes all for new
make="make --no-print-directory -C $harness"
step=$out/x86_64/arch/x86/boot/bzImage step_i386=$out/i386/arch/x86/boot/bzImage

mkdir -p "$out"
[ -d "$tree" ] || git_linux worktree add -q -f --detach "$tree" base

$make tests samples KSRC="$linux" O="$x86_64" >/dev/null
build_kselftests "$x86_64/usr/include"
mapfile -t programs < <(cd "$kselftests/programs" && printf '%s\n' * | grep -v '_32$')
kselftest_results "$base_bzimage" "$out/0.results" "${programs[@]}"

build() {	# build ARCH GOAL: the kernel of the commit that is checked out, or a part of it
	$make kernel KSRC="$tree" ARCH="$1" O="$out/$1" GOAL="$2" >"$out/$n-$1.build" 2>&1 ||
		{ tail "$out/$n-$1.build"; die "$name: does not build on $1"; }
	! grep 'warning:' "$out/$n-$1.build" || die "$name: builds with warnings on $1"
}

boot() {	# boot ARCH ARGUMENT...: our own tests
	local arch=$1
	shift
	"$harness/boot.sh" -S "$@" >"$out/$n-$arch.log" 2>&1 || { tail "$out/$n-$arch.log"; die "$name: a test fails on $arch"; }
	say "   $(tail -n 1 "$out/$n-$arch.log") of our own on $arch"
}

n=0 was=''
for commit in $(git_linux rev-list --reverse base..HEAD); do
	n=$((n + 1)) name=$(git_linux log -1 --format=%s "$commit")
	git -C "$tree" checkout -q -f --detach "$commit"
	goal=kernel/ tests='' i386_kernel=''
	! grep -q clone_with_pids "$tree/arch/x86/entry/syscalls/syscall_32.tbl" || goal=bzImage
	say "$n: $name: building it"
	build x86_64 bzImage &
	build i386 $goal
	wait $! || exit

	[ $goal != bzImage ] || i386_kernel=$(sha256sum <"$step_i386")
	[ ! -d "$tree/$ours" ] || tests=y
	is="$(sha256sum <"$step") $i386_kernel $tests"
	[ "$is" != "$was" ] || { say "   the same kernels as before"; continue; }
	was=$is
	say "   booting it"
	if [ "$tests" ]; then
		boot i386 -f "$bin/example_32" "$step_i386" "$bin"/*_test_32 &
		boot x86_64 -f "$bin/example" -f "$bin/example_32" "$step" "$bin"/*_test "$bin"/*_test_32
	elif [ "$i386_kernel" ]; then
		boot i386 "$step_i386" "$bin/clone3_test_32" &
	else
		true &
	fi
	own=$!
	rm -rf "${out:?}/$n"
	mkdir "$out/$n"
	cp "$out/0.results" "$out/$n/before.1"
	compare_kselftests "$out/$n" "$base_bzimage" "$step" "${programs[@]}"
	"$compare" report "$out/$n" >"$out/$n.report" ||
		{ cat "$out/$n.report"; die "$name: the kernel's own selftests do not do what they do without it"; }
	wait "$own" || exit
done
say "$n commits build, boot, and change none of $(wc -l <"$out/0.results") results of the kernel's own selftests"

"$top/assemble/mails.sh"
git -C "$tree" checkout -q -f --detach base
git -C "$tree" am -q "$build"/series/00{0[1-9],1?}-*.patch || die "git am of build/$BASE/series fails: see $tree"
git -C "$tree" diff --quiet "$(git_linux rev-parse HEAD)" || die "git am of build/$BASE/series gives another tree"
say "git am of build/$BASE/series on the pristine tree gives the very tree"
