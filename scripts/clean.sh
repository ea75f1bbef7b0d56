#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Remove build/, unless that would lose work.
. "$(dirname "$0")/common.sh"

if [ -d "$linux/.git" ] && unsaved; then
	die "build/linux has files, commits or stashes that are not in patches/: save them with \"make refresh\"," \
		"or remove build/ yourself"
fi
rm -rf "${top:?}/build"
