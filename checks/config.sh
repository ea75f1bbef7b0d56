#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The call in other configurations: off, and without pid namespaces. Each kernel builds without a warning, and boots.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

fragment=$build/check-config.config

build() {	# build NAME LINE...: the kernel of the tests, but for these lines and KUnit tests, in build/NAME
	local name=$1 drop
	shift
	printf '%s\n' "$@" >"$fragment"
	drop=$(sed -E 's/^# (CONFIG_[A-Z0-9_]+) is not set$/\1/' "$fragment" | paste -sd'|')
	cat "$harness"/{common,x86_64}.config "$harness/../config" | grep -vE "^(# )?($drop)[ =]|_KUNIT_TEST=" >>"$fragment"
	say "building build/$BASE/$name"
	make --no-print-directory -C "$harness" kernel KSRC="$linux" O="$build/$name" CONFIGS="$fragment" 2>&1 |
		tee "$build/$name.log"
	! grep -q 'warning:' "$build/$name.log" || {
		rm -rf "${build:?}/$name"	# or they would not be seen again
		die "build/$BASE/$name builds with warnings"
	}
	rm -f "$fragment"
}

in_guest() {	# in_guest NAME COMMAND: what COMMAND prints and returns on build/NAME
	"$harness/boot.sh" -x "$2" "$build/$1/arch/x86/boot/bzImage" "$bin/with_pids" 2>&1 || echo "exit status $?"
}

make --no-print-directory -C "$harness" samples KSRC="$linux" O="$x86_64" >/dev/null

build without-call '# CONFIG_CLONE_WITH_PIDS is not set'
out=$(in_guest without-call 'with_pids 0 -- true')
grep -q 'CONFIG_CLONE_WITH_PIDS' <<<"$out" || die "with_pids on a kernel without the call says: $out"
say "CONFIG_CLONE_WITH_PIDS=n: no warning, ENOSYS"

build without-pid-ns '# CONFIG_PID_NS is not set'
out=$(in_guest without-pid-ns "with_pids 4711 -- sh -c 'echo \$\$'; with_pids 1 -- true; with_pids 0,0 -- true")
grep -qx 4711 <<<"$out" && grep -q 'busy' <<<"$out" && grep -q 'Invalid argument' <<<"$out" ||
	die "with_pids on a kernel without pid namespaces says: $out"
say "CONFIG_PID_NS=n: no warning; one level, EBUSY and EINVAL as they should be"
