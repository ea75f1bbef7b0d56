#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What calls cost on the unpatched and on the patched kernel, how long they hold pidmap_lock, how that grows with the number of
# pids, and how large the code is. Writes build/BASE/bench: table.txt, *.csv, *.svg.
#
# All is counted in instructions: with -icount, a nanosecond of the guest is one, whatever the host does meanwhile.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

bench=$top/checks/bench
out=$build/bench
declare -A source=([base]=$pristine [patched]=$linux)
declare -A normal=([base]=$build/base/x86_64 [patched]=$x86_64)
# What measures: the object, and the header that it includes first.
declare -A object=([cost]=fork [hold]=pid)
declare -A header=([cost]=$bench/call-cost.h [hold]=$bench/hold-time.h)

for k in base patched; do
	[ -e "${normal[$k]}/arch/x86/boot/bzImage" ] || die "${normal[$k]} has no kernel: run \"make kernel kernel-base\" first"
done
"$top/assemble/deps.sh" gnuplot-nox

# build KERNEL WHAT: the normal build, but that one object measures. The copy is told its new place, for objtool not to be built
# anew, and with it all else.
build() {
	local o=$out/$1-$2 obj=kernel/${object[$2]}.o

	say "building the $1 kernel, with a $obj that measures"
	rm -rf "$o"
	cp -a "${normal[$1]}" "$o"
	grep -rlZF "${normal[$1]}/" --include='.*.cmd' "$o" | xargs -0r sed -i "s|${normal[$1]}/|$o/|g"
	make --no-print-directory -C "$harness" kernel KSRC="${source[$1]}" O="$o" JOBS=1 \
		CFLAGS_"${object[$2]}.o"="-include ${header[$2]}" >"$o.log" 2>&1 ||
		{ tail "$o.log" >&2; die "$1: no kernel with ${header[$2]}: see $o.log"; }

	for obj in pid fork; do
		[ $obj = "${object[$2]}" ] || cmp "$o/kernel/$obj.o" "${normal[$1]}/kernel/$obj.o" >&2 ||
			die "$1: this is not the normal build's $obj.o: run \"make kernel kernel-base\" first"
	done
	mv "$o/arch/x86/boot/bzImage" "$o.bzImage"
	rm -rf "$o"
}

# run KERNEL WHAT CALLS PART...: each part in a guest of its own. Waiting for the local APIC's timer takes long with -icount.
run() {
	local name=$1-$2 calls=$3 part

	: >"$out/$name.raw"
	for part in "${@:4}"; do
		say "$1: $2, $part"
		"$harness/boot.sh" -c 1 -m 4096 -k nolapic_timer -q '-icount shift=0,sleep=off' -x "bench $calls $part" \
			"$out/$name.bzImage" "$out/bench" >>"$out/$name.raw" 2>"$out/$name.err" ||
			{ tail -n 20 "$out/$name.raw" "$out/$name.err" >&2; die "$1: $2, $part: the guest failed"; }
	done
}

measure() {
	build "$1" cost
	run "$1" cost 1000 dense sparse worst growth
	build "$1" hold
	run "$1" hold 100 dense worst	# with interrupts off, 100 are as good
}

rm -rf "$out"
mkdir -p "$out"
make -s --no-print-directory -C "$harness" headers KSRC="$linux" O="$x86_64" >/dev/null
make -s --no-print-directory -C "$harness/.." OUTPUT="$out" KHDR_INCLUDES="-isystem $x86_64/usr/include" "$out/bench" >/dev/null

pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT	# the shell lets them ignore Ctrl-C
for k in base patched; do
	measure $k &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid" || die "not all could be measured"
done
trap - EXIT

for k in base patched; do
	objects=(kernel/pid.o kernel/fork.o)
	[ $k = base ] || objects+=(kernel/clone_with_pids.o)
	(cd "${normal[$k]}" && size "${objects[@]}") >"$out/$k.size"
done
"$bench/report.py" "$out" "$top/Documentation/clone-with-pids" ||
	die "the document says what is not so, or not all was measured: see above"
gnuplot -c "$bench/plot.gp" "$out"
say "build/$BASE/bench has this as table.txt, and the numbers and plots: $(cd "$out" && echo *.csv *.svg)"
