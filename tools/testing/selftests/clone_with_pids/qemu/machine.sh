#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the machine that boot.sh has put together, and end it when it hangs.
set -euo pipefail

usage="usage: ${0##*/} DIR CONSOLE SECONDS all|first QEMU [OPTION]...

Run QEMU for at most SECONDS, or up to the first line \"not ok ...\" that the guest
says. Its first serial port, the kernel's console, goes to the file CONSOLE, its
second to stdout, its debug port to DIR/verdict. DIR/end tells how it ended:
\"hung\", \"stopped\", or \"status N\"."

(($# >= 5)) || { echo "$usage" >&2; exit 2; }
dir=$1 console=$2 limit=$3 stop=$4
shift 4
machine=("$@" -chardev "file,id=verdict,path=$dir/verdict"
	-device "isa-debugcon,iobase=0xe9,chardev=verdict"
	-chardev "file,id=console,path=${console//,/,,}" -serial chardev:console
	-chardev "stdio,id=output,signal=off" -serial chardev:output
	-chardev "pipe,id=monitor,path=$dir/monitor" -mon monitor)

pid=''
cleanup()
{
	[[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 143' INT TERM HUP PIPE

complain()
{
	echo "# boot.sh: $*"
}

quote()
{
	sed -n "s/\r//g; s/^/#   /; 1,$1p"
}

# An NMI makes the kernel panic and say where it is, on each CPU and in each
# task. Kernel threads (children of task 2) are left out.
locate_hang()
{
	local reply before

	complain "the end of the kernel's log:"
	before=$(wc -l <"$console")
	tail -n 15 "$console" | quote 15
	exec {monitor}<>"$dir/monitor.out"
	echo 'info registers -a' >"$dir/monitor.in"
	while read -r -t 2 reply <&"$monitor"; do
		[[ ! $reply =~ ^(CPU#|[RE]IP=) ]] || echo "#   $reply" | tr -d '\r'
	done
	echo nmi >"$dir/monitor.in"
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	complain "what the kernel says to an NMI:"
	tail -n "+$((before + 1))" "$console" |
		awk '/task:.* state:/ { skip = / p?pid:2 / } !skip' | quote 300
}

# Run QEMU and show what the guest says: to its end, or until $end tells why not.
run()
{
	local left status line

	end='' said=''
	exec {guest}< <(exec "${machine[@]}" </dev/null)
	pid=$!
	while true; do
		left=$((deadline - SECONDS)) status=0
		((left > 0)) || { end=hung; break; }
		IFS= read -r -t "$left" -u "$guest" line || status=$?
		((status <= 128)) || { end=hung; break; }
		((status)) && [[ ! $line ]] || { printf '%s\n' "$line"; said=y; }
		((!status)) || break
		if [[ $stop == first && $line == 'not ok '* ]]; then
			end=stopped
			break
		fi
	done
	exec {guest}<&-
}

# While the kernel patches its code at boot, TCG may run a breakpoint on one CPU
# that another has taken out again. No program has run yet: boot again, and not
# for ever, since a breakpoint that stays is the kernel's own.
mkfifo "$dir/monitor.in" "$dir/monitor.out"
deadline=$((SECONDS + limit))
for ((boots = 1; ; boots++)); do
	run
	if [[ $end || $said ]] || ((boots == 4)) || ! grep -aq 'Oops: int3: 0000' "$console"; then
		break
	fi
	echo "boot.sh: an int3 at boot, before PID 1, is taken for TCG's: booting again" >&2
	wait "$pid" || true
	: >"$console"
done

if [[ $end == hung ]]; then
	complain "not ended after $limit seconds"
	locate_hang
fi
[[ ! $end ]] || kill -KILL "$pid" 2>/dev/null || true
status=0
wait "$pid" || status=$?
pid=''
echo "${end:-status $status}" >"$dir/end"
