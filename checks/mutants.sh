#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Break the kernel in each of the ways in checks/mutants/, and see the tests catch it: on the kernel as it is they pass, and on
# each mutant one of them fails. "mutants.sh NAME..." takes only those, slow/* those that nearly all of the kernel is built
# anew for. Prints TAP, with the first test case that failed. They are written for 6.12; elsewhere, one that does not apply is skipped.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

# The same names side by side as in build/, for ccache to know the objects of the kernel as it is.
tree=$build/mutant/linux out=$build/mutant kernel=$build/mutant/x86_64
make="make --no-print-directory -C $harness"

cd "$top/checks/mutants"
[ $# -gt 0 ] || set -- *.patch
set -- "${@%.patch}"
for name; do
	[ -r "$name.patch" ] || die "there is no checks/mutants/$name.patch"
done

$make kernel tests KSRC="$linux" O="$x86_64" >/dev/null

shopt -s extglob
run() {	# run BZIMAGE LOG: the tests that take seconds come last
	"$harness/boot.sh" -SF -t 600 -T 200 -f "$bin/example" -f "$bin/example_32" "$1" \
		"$bin"/!(all_or_nothing|stress)_test "$bin"/{all_or_nothing,stress}_test "$bin"/*_test_32 >"$2" 2>&1
}

build() {	# build NAME: as $out/NAME.bzImage. False if it does not apply; the shell's -e does not hold in here
	git -C "$tree" checkout -q -f --detach "$(git_linux rev-parse "$applied")" || die "$tree is no work tree of $linux: remove it"
	if ! git -C "$tree" apply "$top/checks/mutants/$1.patch" 2>"$out/$1.build"; then
		cat "$out/$1.build" >&2
		[ "$BASE" != 6.12 ] || die "$1 does not apply any more: adapt it"
		return 1
	fi
	$make kernel KSRC="$tree" O="$kernel" >"$out/$1.build" 2>&1 || { tail "$out/$1.build"; die "$1 does not build"; }
	cp "$kernel/arch/x86/boot/bzImage" "$out/$1.bzImage" || die "$1: no kernel"
}

n=0 survived=0 skipped=0 pending=''
verdict() {	# of the mutant whose tests run in the background, if there is one
	[ -n "$pending" ] || return 0
	wait "$!" || true
	n=$((n + 1))
	rm -f "$out/$pending.bzImage"
	local caught
	caught=$("$top/checks/results.py" first-failure <"$out/$pending.log")
	if [ -n "$caught" ]; then
		echo "ok $n $pending # caught by $caught"
	else
		survived=$((survived + 1))
		echo "not ok $n $pending # survived: see build/$BASE/mutant/$pending.log"
	fi
}

[ -d "$tree" ] || git_linux worktree add -q -f --detach "$tree" "$applied"
mkdir -p "$out/slow"
run "$bzimage" "$out/none.log" ||
	die "the tests do not pass on the kernel as it is: see build/$BASE/mutant/none.log"
echo TAP version 13
echo "1..$#"
for name; do	# one is tested while the next is built
	if ! build "$name"; then
		verdict
		pending='' n=$((n + 1)) skipped=$((skipped + 1))
		echo "ok $n $name # SKIP does not apply to $BASE"
		continue
	fi
	verdict
	run "$out/$name.bzImage" "$out/$name.log" &
	pending=$name
done
verdict
git -C "$tree" checkout -q -f .
echo "$((n - survived - skipped)) passed, $survived failed$( ((!skipped)) || echo ", $skipped skipped")"
((!survived))
