#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Nothing else moved: the kernel's own selftests, and stress-ng's fork, exec and exit loads, on the unpatched and on the patched
# kernel, side by side. Lists every result that differs. "check-others.sh BZIMAGE BZIMAGE" compares these two kernels.
# A program with a difference is run again on both, 4 to 19 times. If it varies from run to run on the unpatched kernel, and about
# as much, it is reported as flaky; what varies on the patched one only, differs.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/kselftests.sh"
need_tree

out=$top/build/others
kernels=("$top/build/base/x86_64/arch/x86/boot/bzImage" "$top/build/x86_64/arch/x86/boot/bzImage")
[ $# -eq 0 ] || kernels=("$@")
[ ${#kernels[@]} -eq 2 ] || die "two kernels are compared, not ${#kernels[@]}"
for k in "${kernels[@]}"; do
	[ -r "$k" ] || die "there is no $k: run \"make kernel kernel-base\" first"
done

"$(dirname "$0")/deps.sh" stress-ng
make --no-print-directory -C "$harness" headers KSRC="$linux" O="$top/build/x86_64"
say "building the kernel's own selftests"
build_kselftests "$top/build/x86_64/usr/include"
rm -rf "$out"
mkdir -p "$out"

run() {	# run N PROGRAM...: on both kernels at once
	local n=$1
	shift
	kselftest_results "${kernels[0]}" "$out/before.$n" "$@" &
	kselftest_results "${kernels[1]}" "$out/after.$n" "$@"
	wait $! || exit
	((n == 1)) || sed -i '/^(the machine).*left over/d' "$out"/{before,after}."$n"	# that was compared for all of them
}

# stress-ng's loads that start and end tasks: in file $2 how each ends on the kernel in $1, in $2.rates how much it gets done.
loads=(fork vfork clone exec spawn wait zombie daemon kill pthread session sigchld pidfd)
stress() {	# stress BZIMAGE FILE LOAD...
	local status=0 bzimage=$1 file=$2
	shift 2
	"$harness/boot.sh" -m 1024 -r "$out/root" -x "
		cd /tmp
		for load in $*; do
			run=\"/bin/stress-ng --\$load 2 --timeout 1s --metrics-brief --clone-max 64 --exec-max 16 --pthread-max 64 --zombie-max 64\"
			case \$load in
			exec|spawn) su -s /bin/sh nobody -c \"\$run\" ;;	# these will not run as root
			*) \$run ;;
			esac >log 2>&1 </dev/null
			echo \"ended \$load \$?\"
			cat log
		done" "$bzimage" >"$file.log" 2>&1 || status=$?
	awk -v OFS='\t' '
		$1 == "ended" { load = $2; at[load] = "exit " $3 }
		/skipping the stressor/ { at[load] = "skip" }
		$2 == "metrc:" && $4 == load && NF == 10 { print load, $9 >rates }
		END { for (load in at) print "stress-ng." load, "as a whole", at[load] }' rates="$file.rates" "$file.log" >"$file"
	[ $status -eq 0 ] || printf '(the machine)\truns stress-ng without trouble\tnot ok\n' >>"$file"
}

# What becomes of each result: lines of same, flaky or differs, its program, its case, and the outcomes on both kernels.
compare() {
	awk -F '\t' -v OFS='\t' '
		FNR == 1 { kernel = FILENAME ~ /before\.[^\/]*$/ ? "before" : "after" }
		!seen[FILENAME, $1]++ { runs[kernel, $1]++ }
		!seen[FILENAME, $1, $2, $3]++ { n[kernel, $1, $2, $3]++; said[$1 FS $2] = said[$1 FS $2] FS $3 }
		!seen[FILENAME, $1, $2]++ { n[kernel, $1, $2]++ }
		function outcomes(kernel, program, nr,    all, i, o, text) {
			all = split(substr(said[program FS nr] FS "-", 2), o)
			delete shown
			for (i = 1; i <= all; i++)
				if (!shown[o[i]]++ && times(kernel, program, nr, o[i]))
					text = text (text ? ", " : "") o[i] " " times(kernel, program, nr, o[i]) "x"
			return text ? text : "not run"
		}
		function times(kernel, program, nr, outcome) {
			return outcome == "-" ? runs[kernel, program] - n[kernel, program, nr] : n[kernel, program, nr, outcome]
		}
		END {
			for (key in n) {
				split(key, k, SUBSEP)
				if (k[1] == "before" && n[key] < runs["before", k[2]])
					varies[k[2]]	# from run to run, without the series
			}
			for (key in said) {
				split(key, k, FS)
				what = "same"
				all = split(substr(said[key] FS "-", 2), o)
				for (i = 1; i <= all; i++) {
					b = times("before", k[1], k[2], o[i]); rb = runs["before", k[1]]
					a = times("after", k[1], k[2], o[i]); ra = runs["after", k[1]]
					if (!ra != !rb || (a && !b && !(k[1] in varies)) || (rb && a / ra - b / rb > 0.5))
						what = "differs"
					else if (what == "same" && a / ra != b / rb)
						what = "flaky"
				}
				print what, k[1], k[2], outcomes("before", k[1], k[2]), outcomes("after", k[1], k[2])
			}
		}' "$out"/{before,after}.*[0-9] | sort
}

mapfile -t programs < <(cd "$kselftests/programs" && printf '%s\n' *)
say "running ${#programs[@]} of their programs on both kernels"
run 1 "${programs[@]}"
! grep '^(the machine).*not ok$' "$out/before.1" || die "the unpatched kernel does not get to the end: see $out/before.1.log"
for ((n = 2; n <= 20; n++)); do
	mapfile -t now < <(compare | sed -n 's/^differs\t\([^\t]*\).*/\1/p' | sort -u | grep -xFf <(printf '%s\n' "${programs[@]}"))
	((n <= 5 && n > 2)) || again=("${now[@]}")
	[ ${#again[@]} -gt 0 ] || break
	[ ${#again[@]} -le 20 ] || { say "${#again[@]} programs differ: too many to be run again"; break; }
	say "running again: ${again[*]}"
	run $n "${again[@]}"
done

say "running stress-ng's ${loads[*]} on both, 3 times and up to 30 where they differ"
mkdir -p "$out"/root/{bin,etc}
cp /usr/bin/stress-ng "$out/root/bin"
copy_libraries "$out/root" /usr/bin/stress-ng
echo nobody:x:65534:65534::/tmp:/bin/sh >"$out/root/etc/passwd"
again=("${loads[@]}")
for ((n = 1; n <= 30; n++)); do
	# One after the other, for the rates to say something.
	stress "${kernels[0]}" "$out/before.stress$n" "${again[@]}"
	stress "${kernels[1]}" "$out/after.stress$n" "${again[@]}"
	((n >= 3)) || continue
	mapfile -t again < <(compare | sed -n 's/^differs\tstress-ng\.\([^\t]*\).*/\1/p' | sort -u)
	[ ${#again[@]} -gt 0 ] || break
	say "running again: ${again[*]}"
done
compare >"$out/compared"
awk -F '\t' '
	{ dir = $2; sub(/\.[^.]*$/, "", dir); count[dir]++; $1 != "same" && n[$1, dir]++ }
	$4 ~ /^skip/ { skip[dir]++ }
	{ if (!($2 in programs)) { programs[$2]; progs[dir]++ } }
	END {
		printf "%-24s%10s%10s%10s%10s%10s\n", "selftests", "programs", "results", "skipped", "flaky", "differ"
		for (dir in count)
			printf "%-24s%10d%10d%10d%10d%10d%s\n", dir, progs[dir], count[dir], skip[dir], n["flaky", dir], n["differs", dir],
				skip[dir] == count[dir] ? "  (skipped as a whole: says nothing)" : "" | "sort"
	}' "$out/compared"
grep -v '^same' "$out/compared" | awk -F '\t' '{ printf "%s: %s: %s\n  before: %s\n  after:  %s\n", $1, $2, $3, $4, $5 }' || true

printf '\n%-24s%30s%30s\n' 'stress-ng, bogo ops/s' 'before: median (min-max)' 'after: median (min-max)'
rates() {	# rates KERNEL LOAD
	awk -v load="$2" '$1 == load { print $2 }' "$out/$1".*.rates | sort -n |
		awk '{ r[NR] = $1 } END { if (NR) printf "%.0f (%.0f-%.0f)", r[int((NR + 1) / 2)], r[1], r[NR] }'
}
idle=0
for load in "${loads[@]}"; do
	before=$(rates before "$load") after=$(rates after "$load")
	printf '%-24s%30s%30s\n' "$load" "$before" "$after"
	[[ $before == [1-9]* && $after == [1-9]* ]] || { idle=1; say "stress-ng.$load did nothing: it says nothing"; }
done
echo
total=$(wc -l <"$out/compared") differ=$(grep -c '^differs' "$out/compared" || true)
echo "$total results compared, $differ differ"
((!differ && !idle))
