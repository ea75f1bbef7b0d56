#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Make build/BASE/linux of Debian's kernel source: the tag "base", then one commit for each patch in patches/series with the
# carried files that it brings. The commits are made beside the work tree, which is then moved on: a patch that does not apply
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
		{ carried; find patches assemble -type f ! -name cover-letter | sort; } | xargs -d '\n' sha256sum
	} | sha256sum
}

base_version() { "$top/assemble/source.sh" version; }

unpack_base() {
	local version=$1 new=$build/linux.new
	say "unpacking $package $version (once, about a minute)"
	rm -rf "$new"
	mkdir -p "$new"
	"$top/assemble/source.sh" unpack "$new"
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
	rm -rf "$linux" "$build"/{steps,mutant}/linux	# the latter are work trees of the former
	mv "$new" "$linux"
}

add() {	# add FILE PATH: FILE's contents to the index at PATH
	local mode=100644
	[ ! -x "$1" ] || mode=100755
	git_linux update-index --add --cacheinfo "$mode,$(git_linux hash-object -w "$1"),$2"
}

assemble() {	# prints the last commit
	local head=base p file patch
	export GIT_INDEX_FILE=$tmp/index
	git_linux read-tree base
	for p in $(patches); do
		patch=$(patch_file "$p")
		[ -r "$patch" ] || die "$(patch_file series) names $p, which is not there"
		git mailinfo "$tmp/body" "$tmp/diff" <"$patch" >"$tmp/info"
		grep -q '^Subject: .' "$tmp/info" || die "$patch is damaged: it has no subject"
		if ! grep -q '^diff --git' "$tmp/diff"; then
			[ -n "$(brings "$p")" ] || die "$patch is damaged: it changes nothing and brings nothing"
		elif ! git_linux apply --cached --verbose "$tmp/diff" 2>"$tmp/err"; then
			grep -v '^Checking patch' "$tmp/err" >&2
			die "$patch does not apply to $package $(base_version) (see the hunk above); nothing was changed." \
				"HACKING.md says how to carry a patch to another base"
		fi
		for file in $(brings "$p"); do
			[ -r "$top/$file" ] ||
				die "$p brings $file, which is not there: restore it, or remove its line from $(patch_file series)"
			if in_base "$file"; then
				git_linux show "base:$file" >"$tmp/theirs"
				"$top/assemble/insertion.py" put "$tmp/theirs" "$top/$file" >"$tmp/file" || exit
				add "$tmp/file" "$file"
			else
				add "$top/$file" "$file"
			fi
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

# A carried file that no patch brings yet goes to the patch that brings its neighbours.
adopt() {	# adopt FILE
	local series=$top/patches/series dir=$1 p
	while dir=$(dirname "$dir") && [ "$dir" != . ]; do
		for p in $(patches); do
			brings "$p" | grep -q "^$dir/" || continue
			awk -v p="$p" -v file="$1" '
				!done && on && (/^[^ \t#]/ || ($1 > file && NF)) { print "\t" file; done = 1 }
				/^[^ \t#]/ { on = $1 == p }
				{ print }
				END { if (!done) print "\t" file }' "$series" >"$tmp/series"
			cat "$tmp/series" >"$series"
			say "$1 is new: written to ${series#"$top/"}, below $p"
			return
		done
	done
	die "$1 is new, and no patch brings a neighbour of it: add it to ${series#"$top/"}, below its patch, after a tab"
}

main() {
	local version want new file

	"$top/assemble/source.sh" || exit
	version=$(base_version)
	if [ -d "$linux" ] && [ "$(git_linux log -1 --format=%s base)" != "$package $version" ]; then
		! unsaved || die "$package is now $version, but build/$BASE/linux has work that is not in patches/: run" \
			"\"make BASE=$BASE refresh\" first"
		say "$package is now $version"
		rm -rf "$linux"
	fi
	[ -d "$linux" ] || unpack_base "$version"

	for file in $(comm -13 <(for p in $(patches); do brings "$p"; done | sort) <(carried)); do
		adopt "$file"
	done

	want=$(inputs)
	if [ "$want" = "$(cat "$linux/.git/series-inputs" 2>/dev/null)" ]; then
		return
	fi
	new=$(assemble)
	if [ "$(git_linux rev-parse HEAD)" != "$new" ]; then
		! unsaved || die "build/$BASE/linux has work that is not in patches/: save it with \"make BASE=$BASE refresh\" (or" \
			"drop it with \"git -C build/$BASE/linux reset --hard $applied\"), then try again"
		git_linux checkout -q -B clone_with_pids "$new"
	fi
	git_linux update-ref "$applied" "$new"
	echo "$want" >"$linux/.git/series-inputs"
	patches_sum >"$linux/.git/series-patches"
	say "build/$BASE/linux is $package $version + $(patches | wc -l) patches"
}

main
