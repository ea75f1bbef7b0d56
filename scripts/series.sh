#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Write the series as mails to build/series.
. "$(dirname "$0")/common.sh"
need_tree

out=$top/build/series
[ "$(git_linux rev-parse HEAD)" = "$(git_linux rev-parse "$applied")" ] ||
	die "build/linux has commits that are not in patches/: run \"make refresh\" first"

# git makes the cover letter of what the branch is described as.
git_linux config branch.clone_with_pids.description "$(cat "$top/patches/cover-letter")"
rm -rf "$out"
git_linux format-patch -q --cover-letter --cover-from-description=subject --base=base \
	--thread=shallow -o "$out" base..clone_with_pids
! grep -q 'SUBJECT HERE\|BLURB HERE' "$out"/*cover-letter.patch || die "patches/cover-letter did not make it into the mails"
say "$(find "$out" -name '*.patch' | wc -l) mails in build/series"
