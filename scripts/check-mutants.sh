#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Break the kernel in each of the ways in scripts/mutants/, and see the tests catch it: on the kernel as it is they pass, and on
# each mutant one of them fails. "check-mutants.sh NAME..." takes only those. Prints TAP, with the programs that failed.
. "$(dirname "$0")/common.sh"
need_tree

tree=$top/build/mutant-linux out=$top/build/mutant
harness=$linux/tools/testing/selftests/clone_with_pids/qemu
make="make --no-print-directory -C $harness"

cd "$top/scripts/mutants"
[ $# -gt 0 ] || set -- *.patch
set -- "${@%.patch}"
for name; do
	[ -r "$name.patch" ] || die "there is no scripts/mutants/$name.patch"
done

$make kernel tests KSRC="$linux" O="$top/build/x86_64" >/dev/null
programs=("$top"/build/x86_64/clone_with_pids/*_test "$top"/build/x86_64/clone_with_pids/*_test_32)
examples=(-f "$top/build/x86_64/clone_with_pids/example" -f "$top/build/x86_64/clone_with_pids/example_32")

run() {	# run BZIMAGE LOG
	"$harness/boot.sh" -S -t 300 -T 60 "${examples[@]}" "$1" "${programs[@]}" >"$2" 2>&1
}

[ -d "$tree" ] || git_linux worktree add -q -f --detach "$tree" "$applied"
mkdir -p "$out"
run "$top/build/x86_64/arch/x86/boot/bzImage" "$out/none.log" ||
	die "the tests do not pass on the kernel as it is: see build/mutant/none.log"
echo TAP version 13
echo "1..$#"
n=0 survived=0
for name; do
	n=$((n + 1))
	git -C "$tree" checkout -q -f --detach "$(git_linux rev-parse "$applied")"
	git -C "$tree" apply "$top/scripts/mutants/$name.patch" || die "$name does not apply any more: adapt it"
	$make kernel KSRC="$tree" O="$out" >"$out/$name.build" 2>&1 || { tail "$out/$name.build"; die "$name does not build"; }
	run "$out/arch/x86/boot/bzImage" "$out/$name.log" || true
	caught=$(sed -n -e 's/^not ok [0-9]* selftests: clone_with_pids: \([^ ]*\).*/\1/p' \
		-e 's/^# boot.sh: the kernel reports trouble.*/the splat check/p' \
		-e 's/^# leak: .*/the leak check/p' "$out/$name.log" | paste -sd' ')
	if [ -n "$caught" ]; then
		echo "ok $n $name # caught by $caught"
	else
		survived=$((survived + 1))
		echo "not ok $n $name # survived: see build/mutant/$name.log"
	fi
done
git -C "$tree" checkout -q -f .
echo "$((n - survived)) passed, $survived failed"
((!survived))
