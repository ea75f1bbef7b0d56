#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Lay the unpatched source beside the patched one, as build/base/linux.
. "$(dirname "$0")/common.sh"
need_tree

base=$top/build/base/linux
id=$(git_linux rev-parse base)
[ "$(cat "$base/.base" 2>/dev/null)" != "$id" ] || exit 0
say "laying out the unpatched source in build/base/linux"
rm -rf "$base"
mkdir -p "$base"
git_linux archive base | tar -x -C "$base"
echo "$id" >"$base/.base"
