#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Lay the unpatched source beside the patched one, as build/BASE/base/linux.
. "$(dirname "$0")/common.sh"
need_tree

id=$(git_linux rev-parse base)
[ "$(cat "$pristine/.base" 2>/dev/null)" != "$id" ] || exit 0
say "laying out the unpatched source in build/$BASE/base/linux"
rm -rf "$pristine"
mkdir -p "$pristine"
git_linux archive base | tar -x -C "$pristine"
echo "$id" >"$pristine/.base"
