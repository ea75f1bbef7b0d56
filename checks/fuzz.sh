#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Random operations, the results of which must be those that a model foretells: FUZZ_CALLS calls (a million), half of them by the
# 64-bit program and half by the 32-bit one, in two machines side by side. FUZZ_SEED repeats a run.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

calls=${FUZZ_CALLS:-1000000} seed=${FUZZ_SEED:-$(((RANDOM << 15 | RANDOM) % 1000000000))}
[[ $calls =~ ^[1-9][0-9]{0,8}$ ]] || die "FUZZ_CALLS=$calls: how many calls?"
[[ $seed =~ ^[0-9]{1,9}$ ]] || die "FUZZ_SEED=$seed: a number of up to 9 digits"

make --no-print-directory -C "$harness" kernel tests KSRC="$linux" O="$x86_64" >/dev/null

fuzz() {	# fuzz PROGRAM SEED: one CPU is all that it uses
	"$harness/boot.sh" -c 1 -t $((600 + calls / 200)) -x "$1 -s $2 -n $(((calls + 1) / 2))" \
		"$bzimage" "$bin/$1" 2>&1 | sed -u "s/^/$1: /"
}

say "FUZZ_CALLS=$calls FUZZ_SEED=$seed"
fuzz fuzz_test "$seed" &
first=$!
fuzz fuzz_test_32 $((seed + 1)) &
second=$!
status=0
wait $first || status=$?
wait $second || status=$?
((!status)) || die "the kernel and the model disagree, or a machine failed: see above"
