#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot a kernel in QEMU with given programs and judge what becomes of them.
# init.c is what runs them in there.
set -euo pipefail

me=${0##*/}

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

	  -x COMMAND  run a shell command instead, and exit with its status
	  -s          give the terminal to a shell in the machine instead
	  -f FILE     put FILE beside the programs, in /bin (may be repeated)
	  -r DIR      put what is in DIR in the machine's root
	  -S          a skip is a failure: this kernel has all that is needed
	  -F          end the run with the first program that fails
	  -b          have busybox in the machine (-x and -s always do)
	  -c CPUS     how many CPUs (default 2)
	  -m MEGS     how much memory (default 512)
	  -t SECONDS  time for the whole run (default 900; none with -s)
	  -T SECONDS  time for each program (default 120)
	  -k PARAMS   more kernel parameters; NAME=VALUE goes to the environment of
	              programs, if the kernel does not know it
	  -q OPTIONS  more options for QEMU
	  -l FILE     keep the kernel's log in FILE
	  -h          print this

	All programs must be linked statically, but for what -r brings, with libraries.
	The environment may set ACCEL (tcg, or kvm), QEMU (qemu-system-x86_64), CC (gcc)
	and BUSYBOX (/bin/busybox).
	EOT
}

die()
{
	echo "$me: $*" >&2
	exit 2
}

# A line of the kernel's log that matches one of these fails the run.
patterns=(
	'(^|[^[:alnum:]_])BUG( |: ?([^ K]|K[^C]))'	# lockups, KASAN, slab, ...
	'WARNING:'			# WARN_ON, lockdep, RCU usage
	'INFO: (task|trying|lockdep|rcu)'
	'Oops' 'Kernel panic' 'Call Trace:'
	'UBSAN:' 'detected( expedited)? stalls?' 'kthread starved'
	'unable to handle' 'corruption' 'Bad page' 'refcount_t:'
	'suspected memory leak'
)

# A data race fails the run if it is in a function that "make kernel" has listed
# beside the kernel: those of the pid allocator and of its trees. Other races
# are only counted. Without a list, every race fails the run.
race='BUG: KCSAN: .* in '
race_pattern()
{
	local functions=''

	[[ ! -s $1 ]] || functions="(.* / )?($(sed 's/\./\\./g' "$1" | paste -sd'|'))([^[:alnum:]_.]|$)"
	echo "$race$functions"
}

arguments=("$@")
mode=test must='' first='' cpus=2 megs=512 limit='' each=120 params='' log='' busybox=''
command='' files=() options=() more_root=''
while getopts ':x:sSFf:r:bc:m:t:T:k:q:l:h' opt; do
	case $opt in
	x) mode=run busybox=y command=$OPTARG ;;
	s) mode=shell busybox=y ;;
	S) must=y ;;
	F) first=y ;;
	f) files+=("$OPTARG") ;;
	r) more_root=$OPTARG ;;
	b) busybox=y ;;
	c) cpus=$OPTARG ;;
	m) megs=$OPTARG ;;
	t) limit=$OPTARG ;;
	T) each=$OPTARG ;;
	k) params=$OPTARG ;;
	q) read -ra options <<<"$OPTARG" ;;
	l) log=$OPTARG ;;
	h) usage; exit 0 ;;
	:) die "-$OPTARG wants an argument; $me -h explains" ;;
	*) die "no option -$OPTARG; $me -h lists them" ;;
	esac
done
shift $((OPTIND - 1))
limit=${limit:-900}
for n in "$cpus" "$megs" "$limit" "$each"; do
	[[ $n =~ ^[1-9][0-9]{0,5}$ ]] || die "'$n' is not a positive number"
done
(($#)) || die "which kernel? $me -h explains"
bzimage=$1
shift
[[ $mode != shell || -t 0 ]] || die "-s wants a terminal; -x runs a command without one"
[[ $mode != test ]] || (($#)) || die "no test program given; $me -h explains"

qemu=${QEMU:-qemu-system-x86_64} cc=${CC:-gcc}
for tool in "$qemu:qemu-system-x86" "$cc:gcc libc6-dev" cpio:cpio readelf:binutils; do
	command -v "${tool%%:*}" >/dev/null ||
		die "${tool%%:*} is missing: apt-get install ${tool#*:}"
done

# The boot protocol says whether there is a 64-bit kernel in it.
[[ -r $bzimage ]] || die "$bzimage: cannot be read; has the kernel been built?"
[[ $(od -An -c -j514 -N4 "$bzimage" | tr -d ' ') == HdrS ]] ||
	die "$bzimage: not an x86 bzImage"
patterns+=("$(race_pattern "$bzimage.functions")")
splats=$(IFS='|'; echo "${patterns[*]}")
bits=64
(($(od -An -tu1 -j566 -N1 "$bzimage") & 1)) || bits=32

tmp=$(mktemp -d "${TMPDIR:-/tmp}/boot.XXXXXX")
pid='' tty=''
cleanup()
{
	[[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
	[[ -z $tty ]] || stty "$tty" || true
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The initramfs: init, the programs, and what they are told through files.
root=$tmp/root
mkdir -p "$root/bin" "$root/root"
"$cc" -m$bits -O2 -Wall -static -o "$root/init" "$(dirname "$0")/init.c" ||
	die "cannot build init.c for $bits bits: apt-get install gcc-multilib?"
if [[ $busybox ]]; then
	box=${BUSYBOX:-/bin/busybox}
	[[ -r $box ]] || die "$box: cannot be read: apt-get install busybox-static"
	cp "$box" "$root/bin/busybox"
fi
names=()
for file in "$@" "${files[@]}"; do
	name=${file##*/}
	[[ -f $file && -r $file ]] || die "$file: no such file, or not readable"
	[[ $name =~ ^[[:alnum:]._+-]+$ ]] || die "'$name': no name for a program"
	[[ ! -e $root/bin/$name ]] || die "$name: given twice, or called like busybox"
	cp "$file" "$root/bin/$name"
	names+=("$name")
done
for file in "$root"/bin/*; do
	[[ $(head -c4 "$file" | tr -d '\0') == $'\x7fELF' ]] || continue
	case $(readelf -hlW "$file" 2>/dev/null) in
	*' INTERP '*) die "${file##*/}: not linked statically" ;;
	*ELF64*) ((bits == 64)) ||
		die "${file##*/}: a 64-bit program, but $bzimage is a 32-bit kernel" ;;
	esac
done
if [[ $more_root ]]; then
	[[ -d $more_root ]] || die "$more_root: not a directory"
	cp -a "$more_root/." "$root"
fi
for file in "$@"; do
	[[ $mode != test || -x $file ]] || die "$file: not executable"
	echo "/bin/${file##*/}"
done >"$root/tests"
echo "$splats" >"$root/splats"
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
	In PATH: busybox ${names[*]}
	"exit" or "poweroff -f" ends the machine; Ctrl-A X kills it.

	EOT
fi
(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$tmp/initramfs"

# oops=panic and panic=-1 end a machine that cannot be trusted any more; an NMI
# makes one that hangs say where. Debugging the slabs of struct pid costs
# little, finds use after free, and keeps the counts that init.c looks at.
append="console=ttyS0 tsc=reliable no_timer_check
	reboot=t oops=panic panic=-1 unknown_nmi_panic panic_print=0x41 printk.devkmsg=on"
[[ $mode == shell ]] || append+=' ignore_loglevel earlyprintk=serial,ttyS0,115200'
case $mode in
test)	append+=" slab_debug=FZPU,pid* kunit.enable=1 $params -- test $each" ;;
run)	append+=" $params -- run" ;;
shell)	append+=" quiet TERM=${TERM:-linux} $params"
	if size=$(stty size 2>/dev/null) && [[ $size != '0 0' ]]; then
		append+=" LINES=${size% *} COLUMNS=${size#* }"
	fi
	append+=" -- shell" ;;
esac
machine=("$qemu" -accel "${ACCEL:-tcg}" -M pc -cpu max -smp "sockets=$cpus" -m "$megs"
	-no-user-config -nodefaults -display none -no-reboot
	-kernel "$bzimage" -initrd "$tmp/initramfs" -append "${append//[$'\n\t']/ }"
	-chardev "file,id=verdict,path=$tmp/verdict"
	-device "isa-debugcon,iobase=0xe9,chardev=verdict" "${options[@]}")

if [[ $mode == shell ]]; then
	# In the background, for the traps to be run at once when they are due.
	tty=$(stty -g)
	"${machine[@]}" -serial mon:stdio <&0 &
	pid=$!
	wait "$pid"
	pid=
	exit
fi

console=${log:-$tmp/console}
: >"$console" || die "$console: cannot be written"
mkfifo "$tmp/monitor.in" "$tmp/monitor.out"
machine+=(-chardev "file,id=console,path=${console//,/,,}" -serial chardev:console
	-chardev "stdio,id=output,signal=off" -serial chardev:output
	-chardev "pipe,id=monitor,path=$tmp/monitor" -mon monitor)

passed=0 failed=0 skipped=0 planned='' results=0 running='' its_failed=0 its_skipped=0
suite='selftests: clone_with_pids: '

# Count the cases that the programs report, and the programs' own results.
count()
{
	case $1 in
	"# $suite"*)
		running=${1#"# $suite"} its_failed=0 its_skipped=0 ;;
	'# ok '*' # SKIP'*)
		skipped=$((skipped + 1)) its_skipped=$((its_skipped + 1)) ;;
	'# ok '*)
		passed=$((passed + 1)) ;;
	'# not ok '*)
		failed=$((failed + 1)) its_failed=$((its_failed + 1)) ;;
	'ok '*)
		results=$((results + 1)) running=
		[[ $1 != *' # SKIP' ]] || ((its_skipped)) || skipped=$((skipped + 1)) ;;
	'not ok '*)
		results=$((results + 1)) running=
		((its_failed)) || failed=$((failed + 1)) ;;
	1..*)
		planned=${1#1..} ;;
	esac
}

complain()
{
	echo "# $me: $*"
}

quote()
{
	sed -n "s/\r//g; s/^/#   /; 1,$1p"
}

# The guest is stuck: an NMI makes its kernel panic and say where it was, on
# each CPU and in each task. Kernel threads (children of task 2) are left out.
locate_hang()
{
	local reply before

	complain "the end of the kernel's log:"
	before=$(wc -l <"$console")
	tail -n 15 "$console" | quote 15
	exec {monitor}<>"$tmp/monitor.out"
	echo 'info registers -a' >"$tmp/monitor.in"
	while read -r -t 2 reply <&"$monitor"; do
		[[ ! $reply =~ ^(CPU#|[RE]IP=) ]] || echo "#   $reply" | tr -d '\r'
	done
	echo nmi >"$tmp/monitor.in"
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	complain "what the kernel says to an NMI:"
	tail -n "+$((before + 1))" "$console" |
		awk '/task:.* state:/ { skip = / p?pid:2 / } !skip' | quote 300
}

started=$SECONDS hung='' ended='' said=''
exec {guest}< <(exec "${machine[@]}" </dev/null)
pid=$!
while true; do
	left=$((started + limit - SECONDS))
	if ((left <= 0)); then
		hung=y
		break
	fi
	status=0
	IFS= read -r -t "$left" -u "$guest" line || status=$?
	if ((status > 128)); then
		hung=y
		break
	fi
	if ((!status)) || [[ $line ]]; then
		said=y
		printf '%s\n' "$line"
		[[ $mode != test ]] || count "$line"
	fi
	((!status)) || break
	if [[ $first && $line == 'not ok '* ]]; then
		ended=y
		kill -KILL "$pid" 2>/dev/null || true
		break
	fi
done
[[ ! $running ]] || { ((its_failed)) || failed=$((failed + 1)); results=$((results + 1)); }

trouble=
if [[ $hung ]]; then
	trouble="not ended after $limit seconds${running:+; $running was running}"
	complain "$trouble"
	locate_hang
	kill -KILL "$pid" 2>/dev/null || true
fi
status=0
wait "$pid" || status=$?
pid=
verdict=$(cat "$tmp/verdict" 2>/dev/null || true)

# While the kernel patches its code at boot, TCG may run a breakpoint on one CPU
# that another has taken out again. Nothing has been run yet: boot anew, and not
# for ever, for a breakpoint that stays is the kernel's own.
again=${BOOT_AGAIN:-0}
if [[ ! $said ]] && ((again < 3)) && grep -aq 'Oops: int3: 0000' "$console"; then
	complain "an int3 at boot, before PID 1: taken for TCG's, booting again" >&2
	trap - EXIT
	cleanup
	BOOT_AGAIN=$((again + 1)) exec "$0" "${arguments[@]}"
fi

# What an NMI made the kernel say in a hang is no trouble of its own.
if [[ ! $hung && ! $ended ]]; then
	if ((status)); then
		trouble="QEMU ended with status $status"
	elif [[ ! $verdict ]]; then
		trouble="the machine ended before its time${running:+; $running was running}"
	fi
	[[ ! $trouble ]] || complain "$trouble"
	if splat=$(grep -anEm1 "$splats" "$console"); then
		trouble="the kernel reports trouble"
		failed=$((failed + 1))
		complain "$trouble, from line ${splat%%:*} of its log on:"
		tail -n "+${splat%%:*}" "$console" | quote 60
	elif [[ $trouble ]]; then
		complain "the end of the kernel's log:"
		tail -n 30 "$console" | quote 30
	fi
fi

races=$(grep -ac "$race" "$console" || true)
((!races)) || complain "$races data races, those of other code included: see the log"

if [[ $mode == run ]]; then
	[[ ! $trouble && $verdict =~ ^exit\ [0-9]+$ ]] || exit 125
	exit "${verdict#exit }"
fi

if [[ $ended ]]; then
	complain "ended at the first failure; $(($# - results)) programs have not been run"
	echo "$passed passed, $failed failed"
	exit 1
fi
if [[ $planned != "$#" ]]; then
	complain "the plan is '1..$planned', but $# programs were given"
	trouble='another plan'
fi
if ((results < $#)); then
	complain "$(($# - results)) programs have not been run"
	failed=$((failed + $# - results))
fi
if [[ $must ]] && ((skipped)); then
	complain "$skipped skipped, and -S says that nothing may be"
	failed=$((failed + skipped)) skipped=0
elif ((!passed && !failed)); then
	trouble=${trouble:-'nothing passed: no test could be run'}
fi
case $verdict in
passed)	;;
leaked)	failed=$((failed + 1)) ;;
*)	trouble=${trouble:-"PID 1 says '$verdict'"} ;;
esac
if [[ $trouble ]] && ((!failed)); then
	complain "$trouble"
	failed=1
fi

summary="$passed passed, $failed failed"
((!skipped)) || summary+=", $skipped skipped"
echo "$summary"
((!failed))
