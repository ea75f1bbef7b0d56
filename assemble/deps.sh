#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Install what is missing of the Debian packages named below, and of those given as arguments, and say so.
. "$(dirname "$0")/common.sh"

packages=(
	xz-utils git					# the tree
	build-essential flex bison bc libelf-dev kmod cpio rsync ccache	# the kernel
	gcc-multilib g++-multilib			# 32-bit tests; uapi header from C++
	qemu-system-x86 busybox-static			# the guest
	python3						# kunit.py
)

[ "$BASE" != 6.12 ] || packages+=("$package")	# assemble/source.sh fetches the others

missing=()
for p in "${packages[@]}" "$@"; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || die "these packages are needed, install them as root: ${missing[*]}"
	sudo=sudo
fi
say "installing with apt-get: ${missing[*]}"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
