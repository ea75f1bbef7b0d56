#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build the initramfs of a machine that boot.sh starts.
set -euo pipefail

me=${0##*/}

die()
{
	echo "$me: $*" >&2
	exit 2
}

usage="usage: $me [-b BUSYBOX] [-r DIR] BITS ROOT FILE...

Add to the folder ROOT an init for a kernel of BITS bits, busybox, the FILEs in
/bin and what is in DIR, and write all of it as a cpio archive to stdout."

busybox='' more_root=''
while getopts 'b:r:' opt; do
	case $opt in
	b) busybox=$OPTARG ;;
	r) more_root=$OPTARG ;;
	*) die "$usage" ;;
	esac
done
shift $((OPTIND - 1))
(($# >= 2)) || die "$usage"
bits=$1 root=$2
shift 2

mkdir -p "$root/bin" "$root/root"
"${CC:-gcc}" -m"$bits" -O2 -Wall -static -o "$root/init" "$(dirname "$0")/init.c" ||
	die "cannot build init.c for $bits bits: apt-get install gcc-multilib?"
if [[ $busybox ]]; then
	[[ -r $busybox ]] || die "$busybox: cannot be read: apt-get install busybox-static"
	cp "$busybox" "$root/bin/busybox"
fi
for file; do
	name=${file##*/}
	[[ -f $file && -r $file ]] || die "$file: no such file, or not readable"
	[[ $name =~ ^[[:alnum:]._+-]+$ ]] || die "'$name': not a valid name for a program"
	[[ ! -e $root/bin/$name ]] || die "$name: given twice, or named like busybox"
	cp "$file" "$root/bin/$name"
done
for file in "$root"/bin/*; do
	[[ $(head -c4 "$file" | tr -d '\0') == $'\x7fELF' ]] || continue
	case $(readelf -hlW "$file" 2>/dev/null) in
	*' INTERP '*) die "${file##*/}: not linked statically" ;;
	*ELF64*) ((bits == 64)) ||
		die "${file##*/}: a 64-bit program, but the kernel has 32 bits" ;;
	esac
done
if [[ $more_root ]]; then
	[[ -d $more_root ]] || die "$more_root: not a directory"
	cp -a "$more_root/." "$root"
fi
cd "$root"
find . | cpio -o -H newc -R 0:0 --quiet
