#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Carry checks/mutants/ from one commit of build/BASE/linux to another, so that their context follows what was edited. Names those
# that cannot follow, and leaves them as they are: their lines themselves were edited. "make refresh" runs it.
. "$(dirname "$0")/common.sh"
need_tree
[ $# -eq 2 ] || die "usage: mutants.sh OLD-COMMIT NEW-COMMIT"
old=$1 new=$2

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export GIT_AUTHOR_NAME=mutants GIT_AUTHOR_EMAIL=mutants@localhost GIT_COMMITTER_NAME=mutants GIT_COMMITTER_EMAIL=mutants@localhost

commit() { git_linux commit-tree -m mutant "$@"; }

successor=$(commit "$new^{tree}" -p "$old")	# the old one's child, for the merge to start from it
lost=0
cd "$top/checks/mutants"
for mutant in *.patch slow/*.patch; do
	mapfile -t files < <(sed -n 's|^+++ b/||p' "$mutant")
	! git_linux diff --quiet "$old" "$new" -- "${files[@]}" || continue
	export GIT_INDEX_FILE=$tmp/index
	git_linux read-tree "$old"
	if ! git_linux apply --cached "$PWD/$mutant" 2>/dev/null; then
		say "$mutant did not apply before: adapt it"
		lost=$((lost + 1))
		continue
	fi
	mutated=$(commit "$(git_linux write-tree)" -p "$old")
	unset GIT_INDEX_FILE
	if ! tree=$(git_linux merge-tree --write-tree "$successor" "$mutated"); then
		say "$mutant is about lines that were edited: adapt it"
		lost=$((lost + 1))
		continue
	fi
	{
		sed '/^--- /,$d' "$mutant"
		git_linux diff -U2 "$new" "$tree" | sed -e '/^diff --git/d' -e '/^index /d' -e '/^@@ /s/ @@.*/ @@/'
	} >"$tmp/mutant"
	cmp -s "$tmp/mutant" "$mutant" || cat "$tmp/mutant" >"$mutant"
done
((!lost)) || say "$lost mutants are left behind"
