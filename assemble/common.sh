# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
# What the scripts in assemble/ and checks/ share: where things are, and how patches/ is read. Sourced, not run.
set -euo pipefail
shopt -s inherit_errexit	# in $(...), too

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { say "$*"; exit 1; }

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export BASE=${BASE:-6.12}
[[ $BASE =~ ^[0-9]+\.[0-9]+$ ]] || die "BASE=$BASE: a version of Linux, please, such as 6.12 or 7.3"

package=linux-source-$BASE
build=$top/build/$BASE
linux=$build/linux			# the patched tree: a git repository, one commit per patch
pristine=$build/base/linux		# the unpatched one, without git
applied=refs/series/applied		# in $linux: the commit that "make tree" made of patches/
harness=$linux/tools/testing/selftests/clone_with_pids/qemu
x86_64=$build/x86_64			# O= of the kernel that the tests run on
bin=$x86_64/clone_with_pids		# its tests and samples
bzimage=$x86_64/arch/x86/boot/bzImage
base_bzimage=$build/base/x86_64/arch/x86/boot/bzImage

# What the repository carries of the tree: new files, and insertions into files that the kernel has (see insertion.py).
carried_paths=(MAINTAINERS arch Documentation include kernel samples tools)

git_linux() { git -C "$linux" "$@"; }

need_tree() { [ -d "$linux/.git" ] || die "there is no build/$BASE/linux: run \"make BASE=$BASE tree\" first"; }

# These files, one a line.
carried() {
	comm -23 <(git -C "$top" ls-files --cached --others --exclude-standard -- "${carried_paths[@]}" | sort -u) \
		<(git -C "$top" ls-files --deleted | sort)
}

in_base() { git_linux cat-file -e "base:$1" 2>/dev/null; }

# Is there anything in build/BASE/linux that is not in patches/ and the carried files?
unsaved() {
	[ -n "$(git_linux status --porcelain)" ] ||
		[ -n "$(git_linux rev-list -n 1 HEAD --branches --not "$applied")" ] ||
		[ -n "$(git_linux stash list)" ]
}

# Where this base's overrides are: in patches/X.Y, the newest one that is not newer than BASE. 6.12 has none.
overrides=
for dir in $(printf '%s\n' "$top"/patches/[0-9]*/ | sort -V); do
	[ ! -d "$dir" ] || ! printf '%s\n' "$(basename "$dir")" "$BASE" | sort -CV || overrides=${dir%/}
done

# A file of patches/, or what this base has instead.
patch_file() {
	if [ "$overrides" ] && [ -e "$overrides/$1" ]; then echo "$overrides/$1"; else echo "$top/patches/$1"; fi
}

# What "make refresh" writes to patches/: as one number.
patches_sum() { (cd "$top" && find patches -type f ! -name cover-letter | sort | xargs sha256sum | sha256sum); }

# The patches of the series, in order.
patches() { grep -E '^[^#[:space:]]' "$(patch_file series)"; }

# The carried files that patch $1 brings: the indented lines below it, in patches/series unless this base's own has some.
brings() {
	local series
	for series in "$(patch_file series)" "$top/patches/series"; do
		awk -v p="$1" '/^[^ \t#]/ { on = $1 == p; next } on && NF && $1 !~ /^#/ { print $1; n++ } END { exit !n }' "$series" && return
	done
	return 0
}
