#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot a kernel in QEMU with given programs and judge the outcome:
#
#	initramfs.sh	what the machine has to run; its PID 1 is init.c
#	machine.sh	runs QEMU, and ends it when it hangs
#	verdict.py	counts results, and looks for trouble in the kernel's log
set -euo pipefail

me=${0##*/}
here=$(dirname "$0")

usage()
{
	cat <<-EOT
	usage: $me [OPTION]... BZIMAGE PROGRAM...
	       $me [OPTION]... -x COMMAND BZIMAGE [FILE]...
	       $me [OPTION]... -s BZIMAGE [FILE]...

	Boot BZIMAGE, run each test PROGRAM, print nested TAP as it comes and, last, one
	line "N passed, N failed[, N skipped]". The exit status is 0 only if every
	program did what it planned and passed, the kernel reported no trouble, and the
	machine ended by itself in time.

	  -x, --command COMMAND       run a shell command, and exit with its status
	  -s, --shell                 give the terminal to a shell in the machine
	  -f, --file FILE             put FILE into /bin, too (may be repeated)
	  -r, --root DIR              put what is in DIR into the root of the machine
	  -b, --busybox               have busybox in the machine (-x and -s always do)
	  -S, --no-skips              a skip is a failure: the kernel has all it needs
	  -F, --fail-fast             end the run with the first program that fails
	  -t, --timeout SECONDS       for the whole run (default 900; none with -s)
	  -T, --timeout-each SECONDS  for each program (default 120)
	  -c, --cpus CPUS             how many CPUs (default 2)
	  -m, --memory MEGABYTES      how much memory (default 512)
	  -k, --append PARAMETERS     more kernel parameters; NAME=VALUE goes to the
	                              environment if the kernel does not know it
	  -q, --qemu OPTIONS          more options for QEMU
	  -l, --log FILE              keep the kernel's log in FILE
	  -h, --help                  print this

	All programs must be linked statically, except those of --root, which brings
	libraries. The environment may set ACCEL (tcg, or kvm), QEMU (qemu-system-x86_64),
	CC (gcc) and BUSYBOX (/bin/busybox).
	EOT
}

die()
{
	echo "$me: $*" >&2
	exit 2
}

long=command:,shell,file:,root:,busybox,no-skips,fail-fast,timeout:,timeout-each:,cpus:
long+=,memory:,append:,qemu:,log:,help
parsed=$(getopt -n "$me" -o +x:sf:r:bSFt:T:c:m:k:q:l:h -l "$long" -- "$@") ||
	die "$me --help lists the options"
eval set -- "$parsed"

mode=tests skips=allow stop=all cpus=2 megs=512 limit=900 each=120 params='' log=''
busybox='' command='' files=() options=() more_root=''
while [[ $1 != -- ]]; do
	case $1 in
	-x|--command)		mode=command command=$2 ;;
	-s|--shell)		mode=shell ;;
	-f|--file)		files+=("$2") ;;
	-r|--root)		more_root=$2 ;;
	-b|--busybox)		busybox=y ;;
	-S|--no-skips)		skips=fail ;;
	-F|--fail-fast)		stop=first ;;
	-t|--timeout)		limit=$2 ;;
	-T|--timeout-each)	each=$2 ;;
	-c|--cpus)		cpus=$2 ;;
	-m|--memory)		megs=$2 ;;
	-k|--append)		params=$2 ;;
	-q|--qemu)		read -ra options <<<"$2" ;;
	-l|--log)		log=$2 ;;
	-h|--help)		usage; exit 0 ;;
	esac
	case $1 in
	-[sbSF]|--shell|--busybox|--no-skips|--fail-fast)
		shift ;;
	*)	shift 2 ;;
	esac
done
shift
for n in "$cpus" "$megs" "$limit" "$each"; do
	[[ $n =~ ^[1-9][0-9]{0,5}$ ]] || die "'$n' is not a positive number"
done
(($#)) || die "which kernel? $me --help explains"
bzimage=$1
shift
[[ $mode != shell || -t 0 ]] ||
	die "--shell wants a terminal; --command runs a command without one"
[[ $mode != tests ]] || (($#)) || die "no test program given; $me --help explains"
[[ $mode == tests ]] || busybox=y

qemu=${QEMU:-qemu-system-x86_64}
for tool in "$qemu:qemu-system-x86" "${CC:-gcc}:gcc libc6-dev" cpio:cpio readelf:binutils \
	    python3:python3; do
	command -v "${tool%%:*}" >/dev/null ||
		die "${tool%%:*} is missing: apt-get install ${tool#*:}"
done

# The boot protocol says whether there is a 64-bit kernel in it.
[[ -r $bzimage ]] || die "$bzimage: cannot be read; has the kernel been built?"
[[ $(od -An -c -j514 -N4 "$bzimage" | tr -d ' ') == HdrS ]] ||
	die "$bzimage: not an x86 bzImage"
bits=64
(($(od -An -tu1 -j566 -N1 "$bzimage") & 1)) || bits=32

tmp=$(mktemp -d "${TMPDIR:-/tmp}/boot.XXXXXX")
pids=() tty=''
cleanup()
{
	((!${#pids[@]})) || { kill "${pids[@]}"; wait "${pids[@]}"; } 2>/dev/null || true
	[[ -z $tty ]] || stty "$tty" || true
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What init.c is told, and for a shell, what users are.
root=$tmp/root
mkdir "$root"
for file in "$@"; do
	[[ $mode != tests || ! -e $file || -x $file ]] || die "$file: not executable"
	echo "/bin/${file##*/}"
done >"$root/tests"
"$here/verdict.py" pattern "$bzimage" | tee "$root/splats" >"$tmp/pattern"
echo "$command" >"$root/script"
if [[ $mode == shell ]]; then
	mkdir "$root/etc"
	# Without ACPI a reset is all there is, and QEMU takes it for the end.
	cat >"$root/etc/profile" <<-'EOT'
	alias poweroff='reboot -f' halt='reboot -f' reboot='reboot -f'
	cat /etc/motd
	EOT
	cat >"$root/etc/motd" <<-EOT

	A shell on $bzimage.
	In PATH: busybox $(for file in "$@" "${files[@]}"; do echo -n "${file##*/} "; done)
	"exit" or "poweroff -f" ends the machine; Ctrl-A X kills it.

	EOT
fi
"$here/initramfs.sh" ${busybox:+-b "${BUSYBOX:-/bin/busybox}"} ${more_root:+-r "$more_root"} \
	$bits "$root" "$@" "${files[@]}" >"$tmp/initramfs" || exit 2

# oops=panic and panic=-1 end a machine that cannot be trusted any more; an NMI
# makes one that hangs say where. Debugging the slabs of struct pid costs
# little, finds use after free, and keeps the counts that init.c looks at.
append="console=ttyS0 tsc=reliable no_timer_check
	reboot=t oops=panic panic=-1 unknown_nmi_panic panic_print=0x41 printk.devkmsg=on"
[[ $mode == shell ]] || append+=' ignore_loglevel earlyprintk=serial,ttyS0,115200'
case $mode in
tests)	append+=" slab_debug=FZPU,pid* kunit.enable=1 $params -- test $each" ;;
command) append+=" $params -- run" ;;
shell)	append+=" quiet TERM=${TERM:-linux} $params"
	if size=$(stty size 2>/dev/null) && [[ $size != '0 0' ]]; then
		append+=" LINES=${size% *} COLUMNS=${size#* }"
	fi
	append+=" -- shell" ;;
esac
machine=("$qemu" -accel "${ACCEL:-tcg}" -M pc -cpu max -smp "sockets=$cpus" -m "$megs"
	-no-user-config -nodefaults -display none -no-reboot
	-kernel "$bzimage" -initrd "$tmp/initramfs" -append "${append//[$'\n\t']/ }"
	"${options[@]}")

if [[ $mode == shell ]]; then
	# In the background, for the traps to be run at once when they are due.
	tty=$(stty -g)
	"${machine[@]}" -device isa-debugcon,iobase=0xe9,chardev=verdict \
		-chardev "file,id=verdict,path=$tmp/verdict" -serial mon:stdio <&0 &
	pids=($!)
	wait $!
	exit
fi

console=${log:-$tmp/console}
: >"$console" || die "$console: cannot be written"
judge=(command "$tmp" "$console")
[[ $mode != tests ]] || judge=(tests $# "$skips" "$tmp" "$console")
mkfifo "$tmp/output"
"$here/machine.sh" "$tmp" "$console" "$limit" "$stop" "${machine[@]}" >"$tmp/output" </dev/null &
pids=($!)
"$here/verdict.py" "${judge[@]}" <"$tmp/output" &
pids=($! "${pids[@]}")
status=0
wait $! || status=$?
exit "$status"
