#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The long cases of samples_test.sh: 60 trees that grew at random, a tree without end, 10,000 processes by three methods with what
# each costs, and 300 tries where "make test" makes few.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

samples=$linux/samples/clone_with_pids
make --no-print-directory -C "$harness" kernel samples KSRC="$linux" O="$x86_64" >/dev/null
mapfile -t programs < <(sed -n 's/^userprogs-always-y += //p' "$samples/Makefile" | tr ' ' '\n')
"$harness/boot.sh" -m 3072 -t 2400 -x 'mkdir -p /tmp/long && cd /tmp/long && sh /bin/samples_test.sh long' \
	"$bzimage" "${programs[@]/#/$bin/}" "$samples/samples_test.sh"
