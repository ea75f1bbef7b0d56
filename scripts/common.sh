# shellcheck shell=bash disable=SC2034,SC2100
# SPDX-License-Identifier: GPL-2.0
# What the scripts here share: where things are, and how patches/series is read. Sourced, not run.
set -euo pipefail
shopt -s inherit_errexit	# in $(...), too

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
linux=$top/build/linux			# the patched tree: a git repository, one commit per patch
applied=refs/series/applied		# there: the commit that "make tree" made of patches/
package=linux-source-6.12

# Where files of our own live in the tree. MAINTAINERS is a section, not a file: see scripts/tree.sh.
carried_dirs=(arch Documentation include kernel samples tools)

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { say "$*"; exit 1; }

need_tree() { [ -d "$linux/.git" ] || die "there is no build/linux: run \"make tree\" first"; }

# Is there anything in build/linux that is not in patches/ and the files here?
unsaved() {
	[ -n "$(git_linux status --porcelain)" ] ||
		[ -n "$(git_linux rev-list -n 1 HEAD --branches --not "$applied")" ] ||
		[ -n "$(git_linux stash list)" ]
}

# What "make refresh" writes, apart from files of our own: as one number.
patches_sum() { (cd "$top" && sha256sum MAINTAINERS patches/[0-9]*.patch patches/series | sha256sum); }

git_linux() { git -C "$linux" "$@"; }

# The files that the repository carries, one a line.
carried() { git -C "$top" ls-files --cached --others --exclude-standard -- "${carried_dirs[@]}" | sort -u; }

# The patches of the series, in order.
patches() { grep -E '^[^#[:space:]]' "$top/patches/series"; }

# The new files that patch $1 brings: the indented lines below it.
brings() { awk -v p="$1" '/^[^ \t#]/ { on = $1 == p; next } on && NF && $1 !~ /^#/ { print $1 }' "$top/patches/series"; }

base_version() {
	dpkg-query -W -f '${Version}\n' "$package" 2>/dev/null ||
		die "package $package is not installed: run scripts/deps.sh (or: apt-get install $package)"
}
