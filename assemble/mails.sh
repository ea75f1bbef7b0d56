#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Write the series as mails to build/BASE/series, addressed to whom the kernel's MAINTAINERS names for what it touches. There is no
# base-commit: Debian's source is no commit that others have.
. "$(dirname "$0")/common.sh"
need_tree

out=$build/series
cover=$(patch_file cover-letter)
[ "$(git_linux rev-parse HEAD)" = "$(git_linux rev-parse "$applied")" ] ||
	die "build/$BASE/linux has commits that are not in patches/: run \"make BASE=$BASE refresh\" first"

# Whom get_maintainer.pl names for it, our own section left out, and the lists that it does not know to ask. Words in our tests
# say nothing about whom the series concerns.
cd "$linux"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
git diff base HEAD -- . ':!tools/testing/selftests/clone_with_pids' >"$tmp/all.patch"
scripts/get_maintainer.pl --no-git --no-git-fallback --rolestats "$tmp/all.patch" | grep -v 'CLONE_WITH_PIDS SYSTEM CALL' >"$tmp/addresses"
headers=()
while IFS= read -r line; do
	to=--to
	[[ $line != *' list:'* && $line != *'(open list'* ]] || to=--cc
	headers+=("$to" "${line%% (*}")
done <"$tmp/addresses"
for list in linux-api@vger.kernel.org linux-kselftest@vger.kernel.org criu@lists.linux.dev; do
	[[ ${headers[*]} == *"$list"* ]] || headers+=(--cc "$list")
done

# git makes the cover letter of what the branch is described as.
git config branch.clone_with_pids.description "$(cat "$cover")"
rm -rf "$out"
git format-patch -q --cover-letter --cover-from-description=subject --subject-prefix='RFC PATCH' --thread=shallow \
	"${headers[@]}" -o "$out" base..clone_with_pids
! grep -q 'SUBJECT HERE\|BLURB HERE' "$out"/*cover-letter.patch || die "$cover did not make it into the mails"
say "$(find "$out" -name '*.patch' | wc -l) mails in build/$BASE/series"
