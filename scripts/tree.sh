#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Make build/linux of Debian's kernel source: the tag "base", then one commit for each patch in patches/series with the new
# files that it brings. The commits are made beside the work tree, which is then moved on: a patch that does not apply
# leaves all as it was, and only files that differ get a new time stamp.
. "$(dirname "$0")/common.sh"

# Reproducible commits: the same patches give the same commit ids anywhere.
export GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_COMMITTER_DATE GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Whatever the tree is made of, as one number.
inputs() {
	{
		base_version
		cd "$top"
		{ carried; printf '%s\n' MAINTAINERS patches/* scripts/tree.sh scripts/common.sh; } |
			grep -v '^patches/cover-letter' | xargs -d '\n' sha256sum
	} | sha256sum
}

unpack_base() {
	local version=$1 tarball=/usr/src/$package.tar.xz new=$top/build/linux.new
	[ -r "$tarball" ] || die "$tarball is missing: apt-get install --reinstall $package"
	say "unpacking $package $version (once, half a minute)"
	rm -rf "$new"
	mkdir -p "$new"
	tar -xf "$tarball" -C "$new" --strip-components=1
	# Debian's part of .gitignore hides everything.
	sed -i '/^# Debian packaging: ignore everything/,$d' "$new/.gitignore"

	git -C "$new" init -q -b pristine
	git -C "$new" config gc.auto 0
	# Every file counts as big: straight into one pack, which is much faster than 86000 loose objects.
	git -C "$new" -c core.bigFileThreshold=1 -c core.compression=1 add -A
	GIT_AUTHOR_NAME=$package GIT_AUTHOR_EMAIL=$package@localhost GIT_AUTHOR_DATE='2024-11-17T00:00:00Z'
	GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
	git -C "$new" commit -q -m "$package $version"
	git -C "$new" tag base
	git -C "$new" update-ref "$applied" base
	rm -rf "$linux" "$top"/build/{steps,mutant}/linux	# the latter are work trees of the former
	mv "$new" "$linux"
}

# Put our section where it belongs in the kernel's MAINTAINERS, which is alphabetical in most places: among its like.
insert_maintainers() {
	LC_ALL=C awk -v section="$top/MAINTAINERS" '
		BEGIN { while ((getline l < section) > 0) text = text (text == "" ? title = l : "\n" l) }
		blank && /^[A-Z0-9]/ && !/^[A-Z]:\t/ {
			if (alike && !done && $0 > title) { print text "\n"; done = 1 }
			alike = substr($0, 1, 2) == substr(title, 1, 2)
		}
		{ print; blank = /^$/ }
		END { exit !done }' "$1"
}

add() {	# add FILE PATH: FILE's contents to the index at PATH
	local mode=100644
	[ ! -x "$1" ] || mode=100755
	git_linux update-index --add --cacheinfo "$mode,$(git_linux hash-object -w "$1"),$2"
}

assemble() {	# prints the last commit
	local head=base p file
	export GIT_INDEX_FILE=$tmp/index
	git_linux read-tree base
	for p in $(patches); do
		[ -r "$top/patches/$p" ] || die "patches/series names patches/$p, which is not there"
		git mailinfo "$tmp/body" "$tmp/diff" <"$top/patches/$p" >"$tmp/info"
		grep -q '^Subject: .' "$tmp/info" || die "patches/$p is damaged: it has no subject"
		if ! grep -q '^diff --git' "$tmp/diff"; then
			[ -n "$(brings "$p")" ] || die "patches/$p is damaged: it changes nothing and brings nothing"
		elif ! git_linux apply --cached --verbose "$tmp/diff" 2>"$tmp/err"; then
			grep -v '^Checking patch' "$tmp/err" >&2
			die "patches/$p does not apply to $package $(base_version) (see the hunk above); nothing was changed"
		fi
		for file in $(brings "$p"); do
			if [ "$file" = MAINTAINERS ]; then
				git_linux show base:MAINTAINERS | insert_maintainers - >"$tmp/MAINTAINERS" ||
					die "no place found for our section in the kernel's MAINTAINERS"
				add "$tmp/MAINTAINERS" MAINTAINERS
				continue
			fi
			[ -r "$top/$file" ] || die "patches/series: $p brings $file, which is not there"
			git_linux cat-file -e "base:$file" 2>/dev/null &&
				die "$file exists in the kernel's own tree: edits to it belong in a patch"
			add "$top/$file" "$file"
		done
		GIT_AUTHOR_NAME=$(sed -n 's/^Author: //p' "$tmp/info")
		GIT_AUTHOR_EMAIL=$(sed -n 's/^Email: //p' "$tmp/info")
		GIT_AUTHOR_DATE=$(sed -n 's/^Date: //p' "$tmp/info")
		GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
		head=$({ sed -n 's/^Subject: //p' "$tmp/info"; echo; cat "$tmp/body"; } |
			git_linux commit-tree "$(git_linux write-tree)" -p "$head")
	done
	echo "$head"
}

main() {
	local version want new

	version=$(base_version)
	if [ -d "$linux" ] && [ "$(git_linux log -1 --format=%s base)" != "$package $version" ]; then
		! unsaved || die "$package is now $version, but build/linux has work that is not in patches/: run \"make refresh\" first"
		say "$package is now $version"
		rm -rf "$linux"
	fi
	[ -d "$linux" ] || unpack_base "$version"

	comm -13 <(for p in $(patches); do brings "$p"; done | sort) <(carried) >"$tmp/orphans"
	[ ! -s "$tmp/orphans" ] || die "no patch in patches/series brings $(paste -sd' ' "$tmp/orphans"): add it below its patch"

	want=$(inputs)
	if [ "$want" = "$(cat "$linux/.git/series-inputs" 2>/dev/null)" ]; then
		return
	fi
	new=$(assemble)
	if [ "$(git_linux rev-parse HEAD)" != "$new" ]; then
		! unsaved || die "build/linux has work that is not in patches/: save it with \"make refresh\" (or drop it with" \
			"\"git -C build/linux reset --hard $applied\"), then try again"
		git_linux checkout -q -B clone_with_pids "$new"
	fi
	git_linux update-ref "$applied" "$new"
	echo "$want" >"$linux/.git/series-inputs"
	patches_sum >"$linux/.git/series-patches"
	say "build/linux is $package $version + $(patches | wc -l) patches"
}

main
