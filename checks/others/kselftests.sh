# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# The kernel's own selftests: how they are built, and what they say on a kernel. Sourced, after common.sh.

kselftests=$build/kselftests
unpatched=$pristine/tools/testing/selftests

# Those that start tasks or end them, name them by pid, live in namespaces, or look hard at how system calls are entered.
kselftest_dirs=(breakpoints capabilities cgroup clone3 connector core exec filesystems/statmount futex/functional ipc kcmp membarrier
	mqueue net/af_unix nsfs perf_events pid_namespace pidfd proc ptrace rlimits rseq seccomp sigaltstack syscall_user_dispatch
	timens x86)

# Not run: what is about something else or only measures, what hangs on any kernel until it is stopped, what wants a machine
# that QEMU is not (suspend, counters of instructions), and what QEMU's far return to a stack in user space dies of.
kselftests_left_out='
	breakpoints.step_after_suspend_test
	cgroup.test_(cpu|cpuset.*|hugetlb_memcg|kmem|memcontrol|stress.sh|zswap)
	exec.(binfmt_script.py|load_address.*)
	futex.functional.run.sh|futex.functional.futex_wait_timeout_32
	mqueue.mq_perf_tests
	net.af_unix.(diag_uid|msg_oob|scm_rights|unix_connect)
	perf_events.remove_on_exec
	ptrace.vmaccess
	rseq.(basic_percpu_ops.*|param_test_(mm_cid_)?(benchmark|compare_twice)|run_param_test.sh)
	seccomp.seccomp_benchmark
	syscall_user_dispatch.sud_benchmark
	x86.sysret_ss_attrs_64|x86.test_syscall_vdso_32'

# What repeats one thing thousands of times repeats it less often, for the guest is slow.
declare -A kselftest_args=([pidfd_poll_test]=500 [param_test]='-t 8 -r 100' [param_test_mm_cid]='-t 8 -r 100')

# Build the unpatched source's for the user headers in $1. For the guest there are root, which has them and their libraries, and
# programs, one for each of them: DIR.PROGRAM, or DIR.PROGRAM_32.
build_kselftests() {
	local root=$kselftests/root left_out=${kselftests_left_out//[$'\n\t']/|}
	local bits dir prog name preload its_make missing=() programs

	"$top/assemble/deps.sh" libcap-dev libcap-ng-dev
	"$top/assemble/base.sh"
	rm -rf "$kselftests/programs"
	mkdir -p "$root/bin" "$kselftests/programs"
	for bits in 64 32; do
		mkdir -p "$root/$bits"
		# So that what is killed has said all it had to say. libgcc_s is what pthread_exit() loads.
		gcc "-m$bits" -shared -fPIC -o "$root/$bits/line_buffered.so" -x c - -Wl,--no-as-needed -lgcc_s <<-'EOT'
			#include <stdio.h>
			__attribute__((constructor)) static void line_buffered(void) { setvbuf(stdout, NULL, _IOLBF, 0); }
		EOT
		for dir in "${kselftest_dirs[@]}"; do
			its_make=(make -s -C "$unpatched/$dir" "OUTPUT=$root/$bits/$dir" "KHDR_INCLUDES=-isystem $1")
			# There is no 32-bit libcap; and x86 builds both kinds, which end in _64 and _32, in one go.
			[ $bits = 64 ] || its_make+=('CC=gcc -m32' LDLIBS=)
			[ $bits$dir != 32x86 ] || continue
			mkdir -p "$root/$bits/$dir"
			"${its_make[@]}" -k "-j$(nproc)" all >"$kselftests/build.log" 2>&1 || true
			for prog in $("${its_make[@]}" COLLECTION= emit_tests); do
				prog=${prog#:}
				name=${dir//\//.}.$prog
				[ $bits = 64 ] || name+=_32
				! grep -qxE "(${left_out#|})(_32)?" <<<"$name" || continue
				[ -x "$root/$bits/$dir/$prog" ] || { missing+=("$name"); continue; }
				preload=/64/line_buffered.so
				[[ $name != *_32 ]] || preload=/32/line_buffered.so
				cat >"$kselftests/programs/$name" <<-EOT
					#!/bin/sh
					cd /$bits/$dir && LD_PRELOAD=$preload exec ./$prog ${kselftest_args[$prog]-}
				EOT
			done
		done
	done
	chmod +x "$kselftests"/programs/*
	# What exec's tests look for besides.
	cp "$unpatched/exec/Makefile" "$root/64/exec"
	cp "$unpatched/exec/Makefile" "$root/32/exec"
	ln -sf busybox "$root/bin/bash"
	mapfile -d '' -t programs < <(find "$root/64" "$root/32" -type f -perm /111 -print0)
	copy_libraries "$root" "${programs[@]}"
	[ ${#missing[@]} -eq 0 ] || say "not built: ${missing[*]}"
}

# Put the shared libraries that the files $2... want below $1; some may be no programs, or static ones.
copy_libraries() {
	local root=$1
	shift
	{ ldd "$@" 2>/dev/null || true; } |
		awk '$2 == "=>" && $3 ~ /^\// { print $3 } /^\t\// { print $1 }' | sort -u | xargs cp -Lu --parents -t "$root"
}

# kselftest_results BZIMAGE FILE PROGRAM...: what they say on that kernel, and what the harness has to say of it, one result a line
# in FILE: program, case, outcome. A small pid_max, for pidfd_test goes through all pids to get one again.
kselftest_results() {
	local bzimage=$1 file=$2
	shift 2
	"$harness/boot.sh" -b -m 1024 -t 1800 -T 180 -r "$kselftests/root" -k sysctl.kernel.pid_max=1100 "$bzimage" \
		"${@/#/$kselftests/programs/}" >"$file.log" 2>&1 || true
	"$top/checks/results.py" cases <"$file.log" >"$file"
	grep -q "as a whole" "$file" || { tail "$file.log"; die "no selftest ran on $bzimage"; }
}

compare=$top/checks/others/compare.py

# compare_kselftests DIR BZIMAGE BZIMAGE PROGRAM...: run them on the unpatched and on another kernel at once, and write DIR/before.N and
# DIR/after.N for $compare. DIR/before.1 may be there. A program with a difference is run again on both, 4 to 19 times: what varies
# about as much on both is no difference.
compare_kselftests() {
	local dir=$1 before=$2 after=$3 n now=() again=()
	shift 3

	run() {	# run N PROGRAM...
		local n=$1
		shift
		[ -e "$dir/before.$n" ] || kselftest_results "$before" "$dir/before.$n" "$@" &
		kselftest_results "$after" "$dir/after.$n" "$@"
		wait $! || exit
		((n == 1)) || sed -i '/^(the machine).*left over/d' "$dir"/{before,after}."$n"	# that was compared for all of them
	}

	run 1 "$@"
	! grep '^(the machine).*not ok$' "$dir/before.1" || die "the unpatched kernel does not get to the end: see $dir/before.1.log"
	for ((n = 2; n <= 20; n++)); do
		mapfile -t now < <("$compare" differing "$dir" | grep -xFf <(printf '%s\n' "$@"))
		((n <= 5 && n > 2)) || again=("${now[@]}")
		[ ${#again[@]} -gt 0 ] || break
		[ ${#again[@]} -le 20 ] || { say "${#again[@]} programs differ: too many to be run again"; break; }
		say "running again: ${again[*]}"
		run $n "${again[@]}"
	done
}
