#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Nothing else moved: the kernel's own selftests, and stress-ng's fork, exec and exit loads, on the unpatched and on the patched
# kernel, side by side. Lists every result that differs. "others.sh BZIMAGE BZIMAGE" compares these two kernels.
# What varies from run to run on the unpatched kernel, and about as much on the patched one, is reported as flaky.
. "$(dirname "$0")/../assemble/common.sh"
. "$top/checks/others/kselftests.sh"
need_tree

out=$build/others
kernels=("$base_bzimage" "$bzimage")
[ $# -eq 0 ] || kernels=("$@")
[ ${#kernels[@]} -eq 2 ] || die "two kernels are compared, not ${#kernels[@]}"
for k in "${kernels[@]}"; do
	[ -r "$k" ] || die "there is no $k: run \"make kernel kernel-base\" first"
done

"$top/assemble/deps.sh" stress-ng
make --no-print-directory -C "$harness" headers KSRC="$linux" O="$x86_64"
say "building the kernel's own selftests"
build_kselftests "$x86_64/usr/include"
rm -rf "$out"
mkdir -p "$out"

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

mapfile -t programs < <(cd "$kselftests/programs" && printf '%s\n' *)
say "running ${#programs[@]} of their programs on both kernels"
compare_kselftests "$out" "${kernels[@]}" "${programs[@]}"

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
	mapfile -t again < <("$compare" differing "$out" | sed -n 's/^stress-ng\.//p')
	[ ${#again[@]} -gt 0 ] || break
	say "running again: ${again[*]}"
done
"$compare" report "$out"
