#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Break the kernel in each of the ways in scripts/mutants/, and see the tests catch it: on the kernel as it is they pass, and on
# each mutant one of them fails. "check-mutants.sh NAME..." takes only those, slow/* those that nearly all of the kernel is built
# anew for. Prints TAP, with the first test case that failed.
. "$(dirname "$0")/common.sh"
need_tree

# The same names side by side as in build/, for ccache to know the objects of the kernel as it is.
tree=$top/build/mutant/linux out=$top/build/mutant kernel=$top/build/mutant/x86_64
harness=$linux/tools/testing/selftests/clone_with_pids/qemu
make="make --no-print-directory -C $harness"

cd "$top/scripts/mutants"
[ $# -gt 0 ] || set -- *.patch
set -- "${@%.patch}"
for name; do
	[ -r "$name.patch" ] || die "there is no scripts/mutants/$name.patch"
done

$make kernel tests KSRC="$linux" O="$top/build/x86_64" >/dev/null
bin=$top/build/x86_64/clone_with_pids

shopt -s extglob
run() {	# run BZIMAGE LOG: the tests that take seconds come last
	"$harness/boot.sh" -SF -t 600 -T 200 -f "$bin/example" -f "$bin/example_32" "$1" \
		"$bin"/!(all_or_nothing|stress)_test "$bin"/{all_or_nothing,stress}_test "$bin"/*_test_32 >"$2" 2>&1
}

build() {	# build NAME: as $out/NAME.bzImage
	git -C "$tree" checkout -q -f --detach "$(git_linux rev-parse "$applied")"
	git -C "$tree" apply "$top/scripts/mutants/$1.patch" || die "$1 does not apply any more: adapt it"
	$make kernel KSRC="$tree" O="$kernel" >"$out/$1.build" 2>&1 || { tail "$out/$1.build"; die "$1 does not build"; }
	cp "$kernel/arch/x86/boot/bzImage" "$out/$1.bzImage"
}

# What the first failure in log $1 was: a case of a program, or what boot.sh sees besides.
first_failure() {
	awk '/^# selftests: clone_with_pids: / { program = $NF }
		/^# [^ ]*: TIMEOUT$/ { what = program ": TIMEOUT"; exit }
		/^# not ok / { sub(/^# not ok [0-9]+ (# )?/, ""); what = program ": " $0; exit }
		/^not ok / { sub(/^not ok [0-9]+ selftests: clone_with_pids: /, ""); what = $0; exit }
		/^# boot.sh: the kernel reports trouble/ { what = "a report in the kernel log"; exit }
		/^# boot.sh: the machine ended before/ { what = "a panic"; exit }
		/^# leak: / { what = "the leak check"; exit }
		END { print what }' "$1"
}

n=0 survived=0 pending=''
verdict() {	# of the mutant whose tests run in the background, if there is one
	[ -n "$pending" ] || return 0
	wait "$!" || true
	n=$((n + 1))
	rm -f "$out/$pending.bzImage"
	local caught
	caught=$(first_failure "$out/$pending.log")
	if [ -n "$caught" ]; then
		echo "ok $n $pending # caught by $caught"
	else
		survived=$((survived + 1))
		echo "not ok $n $pending # survived: see build/mutant/$pending.log"
	fi
}

[ -d "$tree" ] || git_linux worktree add -q -f --detach "$tree" "$applied"
mkdir -p "$out/slow"
run "$top/build/x86_64/arch/x86/boot/bzImage" "$out/none.log" ||
	die "the tests do not pass on the kernel as it is: see build/mutant/none.log"
echo TAP version 13
echo "1..$#"
for name; do	# one is tested while the next is built
	build "$name"
	verdict
	run "$out/$name.bzImage" "$out/$name.log" &
	pending=$name
done
verdict
git -C "$tree" checkout -q -f .
echo "$((n - survived)) passed, $survived failed"
((!survived))
