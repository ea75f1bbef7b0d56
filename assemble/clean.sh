#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Remove build/BASE, unless that would lose work. What was fetched for it stays, in build/source.
. "$(dirname "$0")/common.sh"

if [ -d "$linux/.git" ] && unsaved; then
	die "build/$BASE/linux has files, commits or stashes that are not in patches/: save them with \"make BASE=$BASE refresh\"," \
		"or remove build/$BASE yourself"
fi
rm -rf "$build"
