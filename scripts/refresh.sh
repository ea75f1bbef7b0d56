#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Write the commits of build/linux back: edits to the kernel's files to patches/, new files to their path here.
. "$(dirname "$0")/common.sh"

need_tree
[ "$(patches_sum)" = "$(cat "$linux/.git/series-patches" 2>/dev/null)" ] ||
	die "patches/ or MAINTAINERS was edited since build/linux was made of it: run \"make tree\" first, or take the edit back"
[ -z "$(git_linux status --porcelain --untracked-files=no)" ] ||
	die "build/linux has uncommitted changes. Commit them, or put them into the commit that they belong to:" \
		"git commit -a --fixup=COMMIT && git rebase -i --autosquash base"
git_linux merge-base --is-ancestor base HEAD || die "HEAD of build/linux does not descend from its tag \"base\""
[ -z "$(git_linux rev-list --merges base..HEAD)" ] || die "build/linux has merge commits: the series must be linear"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

blob() { git_linux rev-parse -q --verify "$1:$2" 2>/dev/null || true; }	# blob COMMIT PATH
here() { [ ! -e "$top/$1" ] || git hash-object "$top/$1"; }

# Our section of the kernel's MAINTAINERS: what the series adds.
section() { git_linux diff base HEAD -- MAINTAINERS | sed -n 's/^+//p' | sed -e '/^++ /d' -e '${/^$/d}'; }

# 1. Gather, and find what stands in the way, before anything is written.
mkdir "$tmp/patches"
n=0
for commit in $(git_linux rev-list --reverse base..HEAD); do
	n=$((n + 1))
	name=$(printf '%04d-%s.patch' "$n" "$(git_linux log -1 --format=%f "$commit" | cut -c1-52)")
	echo "$name" >>"$tmp/series"
	old=()
	while read -r path; do
		if [ "$path" = MAINTAINERS ] || [ -z "$(blob base "$path")" ]; then
			! grep -qx "	$path" "$tmp/series" || die "$path is touched by more than one commit; a new file belongs to one"
			echo "	$path" >>"$tmp/series"
		else
			old+=("$path")
		fi
	done < <(git_linux diff-tree -r --no-commit-id --name-only "$commit")
	{
		git_linux show -s --format=email "$commit"
		[ ${#old[@]} -eq 0 ] || { echo ---; git_linux diff-tree -p --stat --no-commit-id --abbrev=12 "$commit" -- "${old[@]}"; }
	} | sed '1s/^From [0-9a-f]*/From 0000000000000000000000000000000000000000/' >"$tmp/patches/$name"
done

sed -n -e '/^\tMAINTAINERS$/d' -e 's/^\t//p' "$tmp/series" | sort >"$tmp/new"
while read -r file; do
	was=$(blob "$applied" "$file") is=$(blob HEAD "$file") have=$(here "$file")
	[ "$was" = "$is" ] || [ "$have" = "$is" ] || [ "$have" = "$was" ] ||
		die "$file was edited both here and in build/linux: bring one of them in line, then try again"
	[ "$was" = "$is" ] || echo "$file" >>"$tmp/changed"
done < <({ cat "$tmp/new"; carried; } | sort -u)

# 2. Write.
touch "$tmp/changed"
while read -r file; do
	if [ -z "$(blob HEAD "$file")" ]; then
		rm -f "${top:?}/$file"
	else
		mkdir -p "$(dirname "$top/$file")"
		git_linux show "HEAD:$file" >"$top/$file"
		[ "$(git_linux ls-tree --format='%(objectmode)' HEAD "$file")" != 100755 ] || chmod +x "$top/$file"
	fi
	say "$file"
done <"$tmp/changed"
! grep -qx '	MAINTAINERS' "$tmp/series" || section >"$top/MAINTAINERS"
rm -f "$top"/patches/[0-9]*.patch
mv "$tmp"/patches/* "$top/patches/"
{ sed -n '/^#/p' "$top/patches/series"; cat "$tmp/series"; } >"$tmp/series.new"
mv "$tmp/series.new" "$top/patches/series"
git_linux update-ref "$applied" HEAD
rm -f "$linux/.git/series-inputs"
patches_sum >"$linux/.git/series-patches"
say "$n patches written to patches/"
