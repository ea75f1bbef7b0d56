#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Write the commits of build/BASE/linux back: edits to the kernel's files to patches/, or to this base's overrides where they differ
# from what 6.12 has; new files and insertions to their path here. For 6.12, the mutants' context follows.
. "$(dirname "$0")/common.sh"

need_tree
[ "$(patches_sum)" = "$(cat "$linux/.git/series-patches" 2>/dev/null)" ] ||
	die "patches/ was edited since build/$BASE/linux was made of it: run \"make BASE=$BASE tree\" first, or take the edit back"
[ -z "$(git_linux status --porcelain --untracked-files=no)" ] ||
	die "build/$BASE/linux has uncommitted changes. Commit them, or put them into the commit that they belong to:" \
		"git commit -a --fixup=COMMIT && git rebase -i --autosquash base"
git_linux merge-base --is-ancestor base HEAD || die "HEAD of build/$BASE/linux does not descend from its tag \"base\""
[ -z "$(git_linux rev-list --merges base..HEAD)" ] || die "build/$BASE/linux has merge commits: the series must be linear"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/patches" "$tmp/files"

blob() { git_linux rev-parse -q --verify "$1:$2" 2>/dev/null || true; }	# blob COMMIT PATH
carried >"$tmp/carried"
is_carried() { ! in_base "$1" || grep -qxF "$1" "$tmp/carried"; }

# What commit $1 makes of file $2, as this repository has it: whole, or the lines that it inserts. Empty if there is none.
ours() {
	[ "$(blob "$1" "$2")" ] || return 0
	git_linux show "$1:$2" >"$tmp/new"
	if in_base "$2"; then
		git_linux show "base:$2" >"$tmp/old"
		"$top/assemble/insertion.py" take "$tmp/old" "$tmp/new"
	else
		cat "$tmp/new"
	fi
}

# Does 6.12's patch, $1, say and do what commit $2 does to the kernel's own files ($3...)?
same_as_shared() {
	local patch=$top/patches/$1 commit=$2
	shift 2
	[ -r "$patch" ] || return 1
	git mailinfo "$tmp/body" "$tmp/diff" <"$patch" >"$tmp/info"
	{ sed -n 's/^Subject: //p' "$tmp/info"; echo; cat "$tmp/body"; } | git stripspace >"$tmp/message"
	git_linux show -s --format=%B "$commit" | git stripspace | cmp -s - "$tmp/message" || return 1
	if ! grep -q '^diff --git' "$tmp/diff"; then
		[ $# -eq 0 ]
		return
	fi
	[ $# -gt 0 ] || return 1
	(
		export GIT_INDEX_FILE=$tmp/index
		git_linux read-tree "$commit^"
		git_linux apply --cached "$tmp/diff" 2>/dev/null &&
			[ "$(git_linux diff-index --cached --name-only "$commit^" | sort)" = "$(printf '%s\n' "$@" | sort)" ] &&
			git_linux diff-index --cached --quiet "$commit" -- "$@"
	)
}

# 1. Gather, and find what stands in the way, before anything is written.
for commit in $(git_linux rev-list --reverse base..HEAD); do
	name=$(git_linux log -1 --format=%f "$commit").patch
	! grep -qxF "$name" "$tmp/series" 2>/dev/null || die "two commits have the same subject: $name"
	echo "$name" >>"$tmp/series"
	edited=()
	while read -r path; do
		if is_carried "$path"; then
			! grep -qxF "	$path" "$tmp/series" || die "$path is touched by more than one commit; a carried file belongs to one"
			echo "	$path" >>"$tmp/series"
		else
			edited+=("$path")
		fi
	done < <(git_linux diff-tree -r --no-commit-id --name-only "$commit")
	[ -z "$overrides" ] || ! same_as_shared "$name" "$commit" "${edited[@]}" || continue
	{
		git_linux show -s --format=email "$commit"
		# One line of context: more of it would differ between bases that the patch is right for.
		[ ${#edited[@]} -eq 0 ] ||
			{ echo ---; git_linux diff-tree -p -U1 --stat --no-commit-id --abbrev=12 "$commit" -- "${edited[@]}"; }
	} | sed '1s/^From [0-9a-f]*/From 0000000000000000000000000000000000000000/' >"$tmp/patches/$name"
done

touch "$tmp/changed"
while read -r file; do
	was=$(ours "$applied" "$file" | git hash-object --stdin) is=$(ours HEAD "$file" | git hash-object --stdin)
	[ "$was" != "$is" ] || continue
	have=$(cat "$top/$file" 2>/dev/null | git hash-object --stdin)
	[ "$have" = "$is" ] || [ "$have" = "$was" ] ||
		die "$file was edited both here and in build/$BASE/linux: bring one of them in line, then try again"
	echo "$file" >>"$tmp/changed"
done < <(sed -n 's/^\t//p' "$tmp/series" | sort -u - "$tmp/carried")

# 2. Write.
while read -r file; do
	if [ -z "$(blob HEAD "$file")" ]; then
		rm -f "${top:?}/$file"
	else
		mkdir -p "$(dirname "$top/$file")"
		ours HEAD "$file" >"$top/$file"
		[ "$(git_linux ls-tree --format='%(objectmode)' HEAD "$file")" != 100755 ] || chmod +x "$top/$file"
	fi
	say "$file"
done <"$tmp/changed"
to=${overrides:-$top/patches}
rm -f "$to"/*.patch
find "$tmp/patches" -name '*.patch' -exec mv -t "$to" {} +
if [ -z "$overrides" ]; then
	{ sed -n '/^#/p' "$to/series"; cat "$tmp/series"; } >"$tmp/series.new"
else	# what a patch brings is in patches/series, and here where it differs
	echo "# The series on this base; what a patch brings is in ../series, unless it says so here." >"$tmp/series.new"
	for name in $(grep '^[^	]' "$tmp/series"); do
		echo "$name" >>"$tmp/series.new"
		awk -v p="$name" '/^[^\t]/ { on = $1 == p; next } on' "$tmp/series" >"$tmp/here"
		awk -v p="$name" '/^[^\t]/ { on = $1 == p; next } on' "$top/patches/series" | cmp -s - "$tmp/here" ||
			cat "$tmp/here" >>"$tmp/series.new"
	done
fi
mv "$tmp/series.new" "$to/series"
[ -n "$overrides" ] || "$top/assemble/mutants.sh" "$(git_linux rev-parse "$applied")" "$(git_linux rev-parse HEAD)"
git_linux update-ref "$applied" HEAD
rm -f "$linux/.git/series-inputs"
patches_sum >"$linux/.git/series-patches"
say "$(grep -c '^[^#	]' "$tmp/series") commits written to ${to#"$top/"}/"

# 3. What was written gives the tree that it was written from.
"$top/assemble/tree.sh"
