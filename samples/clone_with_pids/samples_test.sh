#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the sample programs say and return, and trees that go there and back.
# Needs root, busybox, and the programs in PATH. Prints TAP.
#
# shellcheck disable=SC2016	# what is in single quotes is for other shells

dir=$(mktemp -d /tmp/samples.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cases=0 failed=0

result()
{
	cases=$((cases + 1))
	if [ "$1" = 0 ]; then
		echo "ok $cases $2"
	else
		sed 's/^/# /' "$dir/out"
		echo "not ok $cases $2"
		failed=$((failed + 1))
	fi
}

# expect STATUS PATTERN NAME COMMAND...: the pattern, if any, is in its output.
expect()
{
	want=$1 pattern=$2 name=$3
	shift 3
	"$@" >"$dir/out" 2>&1 </dev/null
	status=$?
	[ $status = "$want" ] || echo "exit status $status, not $want" >>"$dir/out"
	[ $status = "$want" ] && { [ -z "$pattern" ] || grep -q -e "$pattern" "$dir/out"; }
	result $? "$name"
}

# In a pid namespace of its own, with its own /proc: pids are free, and known.
inside()
{
	unshare -p -f --mount-proc sh -c "$1"
}

# For the other shells: the child of a process.
child_of='child_of() { grep -l "^PPid:.$1$" /proc/[0-9]*/status | cut -d/ -f3; }'

# record FILE [VERSION]: standard input is the record, without header and end.
record()
{
	{ echo "pidtree ${2:-2}"; cat; } >"$dir/lines"
	echo "end $(($(wc -l <"$dir/lines") - 1))" | cat "$dir/lines" - >"$dir/$1"
}

# same WANTED FOUND NAME: do both records tell the same?
same()
{
	sed '/^#/d' "$dir/$1" >"$dir/wanted"
	sed '/^#/d' "$dir/$2" | diff "$dir/wanted" - >"$dir/out" 2>&1
	result $? "$3"
}

cd "$dir" || exit 1
chmod 777 .
echo "TAP version 13"

# with_pids: what it is called with
long=$(seq -s , 34)
expect 0 '^Usage: with_pids' 'with_pids --help' with_pids --help
expect 2 'which pids' 'with_pids: no list' with_pids
expect 2 'which command' 'with_pids: no command' with_pids 0 --
expect 2 'no such option: --foo' 'with_pids: unknown option' with_pids --foo 0 true
expect 2 'list is empty' 'with_pids: empty list' with_pids '' true
expect 2 'entry 2, "", is empty' 'with_pids: empty entry' with_pids 1,,2 true
expect 2 'entry 3, "", is empty' 'with_pids: comma at the end' with_pids 1,2, true
expect 2 'entry 1, "x", is not' 'with_pids: not a number' with_pids x true
expect 2 'entry 2, "7up", is not' 'with_pids: trailing junk' with_pids 0,7up true
expect 2 'entry 1, "99999999999", is too large' 'with_pids: too large' with_pids 99999999999 true
expect 2 'entry 2, "-5", is negative' 'with_pids: negative' with_pids 0,-5 true
expect 2 'cannot be negative' 'with_pids: negative, like an option' with_pids -5,0 true
expect 2 'cannot be negative: -1' 'with_pids: negative, like an option, alone' with_pids -1 true
expect 2 'entry 1, "-5", is negative' 'with_pids: negative, after --' with_pids -- -5,0 true
expect 2 '34 entries' 'with_pids: 34 entries' with_pids "$long" true

# with_pids: what it runs
expect 7 '^4242$' 'with_pids: the chosen pid, and the exit status' with_pids 4242 -- sh -c 'echo $$; exit 7'
expect 143 '' 'with_pids: death by a signal' with_pids 0 -- sh -c 'kill $$'
expect 127 'nothing' 'with_pids: no such command' with_pids 0 -- /nothing
expect 126 '/tmp' 'with_pids: not a command' with_pids 0 -- /tmp
expect 0 '^1$' 'with_pids -n: pid 1' with_pids -n 4242 -- sh -c 'echo $$'
expect 0 '^77$' 'with_pids: a short set' inside "with_pids 77 -- sh -c 'echo \$\$'"
expect 0 '^77$' 'with_pids: two levels' inside "with_pids 4242,77 -- sh -c 'echo \$\$'"
expect 9 '' 'with_pids: passes a signal on' inside '
	with_pids 50 -- sh -c "trap \"exit 9\" TERM; >ready; while :; do sleep 0.1; done" &
	until [ -e ready ]; do sleep 0.1; done; kill $!; wait $!'

# with_pids: why the kernel refuses
expect 125 'pid 1 (entry 1 of 1: level 0, pid:.*is held' 'EBUSY: level and entry' with_pids 1 true
expect 125 'by a process (sleep, state S)$' 'EBUSY: a process' inside '
	with_pids 50 sleep 60 & sleep 0.2; with_pids 50 true'
expect 125 'by a zombie (sh), until its parent, process 60, waits' 'EBUSY: a zombie' inside '
	with_pids 60 -- sh -c "true & exec sleep 60" & sleep 0.5
	with_pids $(sed -n "s/^Pid:.//p" $(grep -l "^State:.Z" /proc/[0-9]*/status)) true'
expect 125 'by a thread (reader) of process 50' 'EBUSY: a thread' inside '
	with_pids 50 threads reader & sleep 0.3
	with_pids $(ls /proc/50/task | grep -v 50) true'
expect 125 'by a process group and session whose leader has gone; still in it: [0-9]* (sleep) and 1 more' \
	'EBUSY: a session' inside '
	with_pids 50 setsid sh -c "sleep 60 & sleep 61 &"
	until [ "$(grep -l ^sleep /proc/[0-9]*/comm | wc -l)" = 2 ]; do sleep 0.1; done
	with_pids 50 true'
expect 125 'level 0) may be held; that cannot be seen' 'EBUSY: in a namespace out of sight' inside '
	with_pids 1,0 true'
expect 125 'it is [0-9]* in this /proc' 'EBUSY: seen from outside' unshare -p -f sh -c '
	sleep 60 & with_pids 2 true; s=$?; kill $!; exit $s'
expect 125 '2 entries, but COMMAND would live in 1 ' 'EINVAL: too many entries' with_pids 0,0 true
expect 125 '4194304 (entry 1 of 1) is not below kernel.pid_max' 'EINVAL: pid_max' with_pids 4194304 true
expect 125 'first process' 'EINVAL: the first process' unshare -p with_pids 2 true
for pids in 0 4242 1; do
	expect 125 'may not use clone_with_pids(), whatever the pids' "EPERM: no privilege, $pids" \
		unshare -U with_pids $pids true
done
expect 125 'owns the$' 'EPERM: says which namespace' unshare -U with_pids 0 true
expect 125 '(-n) needs CAP_SYS_ADMIN, too' 'EPERM: -n, and no privilege at all' \
	unshare -U with_pids -n 0 true
expect 125 '(-n) needs CAP_SYS_ADMIN; the pids are' 'EPERM: -n, with CAP_CHECKPOINT_RESTORE only' \
	cases restorer 65534 with_pids -n 4242 true
expect 0 '^4242$' 'with_pids: CAP_CHECKPOINT_RESTORE only' \
	cases restorer 65534 with_pids 4242 -- sh -c 'echo $$'
expect 125 'filter forbids the call with CLONE_NEWPID' 'EPERM: a filter that judges the flags' \
	cases filtered with_pids -n 0 true
# Root in a container has privilege over the youngest of two namespaces only.
container='unshare -r -p -f --mount-proc with_pids'
expect 0 '^77$' 'with_pids: in a user namespace' $container 0,77 -- sh -c 'echo $$'
expect 125 'pid 4242 (entry 1 of 2: level 0.* is not this caller' 'EPERM: an older namespace' \
	$container 4242,77 true
expect 125 'pid 1 (entry 1 of 2: level 0.* is not this caller' 'EPERM, not EBUSY' $container 1,77 true

# checkpoint: what it is called with, and what it finds
expect 0 '^Usage: checkpoint' 'checkpoint --help' checkpoint --help
expect 2 'which PID' 'checkpoint: no pid' checkpoint
expect 2 'one number' 'checkpoint: bad pid' checkpoint 1x
expect 2 'one PID' 'checkpoint: two pids' checkpoint 1 2
expect 2 'do not go together' 'checkpoint: -g -t' checkpoint -g -t
expect 2 'on standard output' 'checkpoint: -s -t' checkpoint -s -t
expect 3 'not a record' 'checkpoint -g: not a record' checkpoint -g /proc/version
expect 1 'there is no process 4194303' 'checkpoint: no such process' checkpoint 4194303
expect 1 'it runs inside the tree of 1' 'checkpoint: its own tree' checkpoint 1
expect 1 'is a kernel thread' 'checkpoint: a kernel thread' checkpoint 2
expect 1 'is a zombie' 'checkpoint: a zombie' inside '
	sh -c "sleep 0 & exec sleep 60" & sleep 0.3
	checkpoint $(sed -n "s/^Pid:.//p" $(grep -l "^State:.Z" /proc/[0-9]*/status))'
expect 1 '/proc is not that' 'checkpoint: a foreign /proc' unshare -p -f checkpoint 1
expect 0 '' 'checkpoint: a device is not replaced' \
	inside 'sleep 60 & checkpoint -o /dev/null $! && [ -c /dev/null ]'
expect 1 'cannot create' 'checkpoint: no such folder' inside 'sleep 60 & checkpoint -o /nothing/here $!'
expect 0 '^kept$' 'checkpoint -o: a failure leaves the file alone' inside '
	echo kept >kept; ! checkpoint -o kept 999 && cat kept && [ "$(echo kept*)" = kept ]'

# checkpoint: what people report of tools like it. With "long" as an argument, more
# tries are made of what fails once in many.
tries=20
[ "$1" != long ] || tries=300
expect 0 '^20 \|^300 ' 'checkpoint: threads and execve() for ever' inside "
	cases exec_threads & p=\$!; sleep 0.2; n=0
	while [ \$n -lt $tries ] && checkpoint -o found \$p; do n=\$((n + 1)); done
	kill -0 \$p && echo \$n records; [ \$n = $tries ]"
expect 0 'records' 'checkpoint: vfork() for ever' inside "
	cases vfork_forever & p=\$!; sleep 0.2; n=0
	while [ \$n -lt $tries ] && checkpoint -o found \$p; do n=\$((n + 1)); done
	kill -0 \$p && echo \$n records; [ \$n = $tries ]"
expect 0 '' 'checkpoint: a vfork() child that takes its time' inside '
	cases slow_vfork & sleep 0.5
	for i in 1 2 3; do checkpoint -o found $! || exit; done'
expect 0 '^said: $' 'checkpoint: waiting for ever goes on' inside '
	cases wait_forever >said & sleep 0.3
	checkpoint -o found $! && checkpoint -o found $! && sleep 0.3 && echo "said: $(cat said)"'
expect 0 '^thread' 'checkpoint: the first thread has ended' inside '
	cases leader_gone & sleep 0.3; checkpoint $! | grep -A1 ^zombie'
expect 125 'lives on without its first thread' 'EBUSY: the first thread has ended' inside '
	cases leader_gone & sleep 0.3; with_pids $! true'
expect 1 'comes to its end, waits for$' 'checkpoint: a namespace that ends' inside '
	rm -f ids; cases init_waits >ids & until [ -s ids ]; do sleep 0.1; done; sleep 0.2
	read init zombie <ids; checkpoint $init'
expect 125 'process [0-9]* (cases), a zombie, until' 'EBUSY: a namespace that ends' inside '
	rm -f ids; cases init_waits >ids & until [ -s ids ]; do sleep 0.1; done; sleep 0.2
	read init zombie <ids; with_pids $init true'
expect 125 'its parent, outside of this pid namespace, waits' 'EBUSY: a zombie of a parent outside' sh -c '
	'"$child_of"'
	unshare -p -f --mount-proc sleep 60 & sleep 0.2; init=$(child_of $!)
	cases outside_parent $init & sleep 0.3
	nsenter -t $init -p -m with_pids 2 true; s=$?; kill -9 $init $!; exit $s'
expect 0 'lives in the pid namespace of' 'checkpoint: others are in the namespace' inside '
	'"$child_of"'
	unshare -p -f --mount-proc sleep 60 & sleep 0.2; init=$(child_of $!)
	nsenter -t $init -p sleep 61 & sleep 0.2; checkpoint $init'
expect 0 'subreaper comm "sleep"' 'checkpoint -s: a subreaper' inside '
	cases subreaper sleep 60 & sleep 0.2; checkpoint -s $! && kill -0 $!'
expect 0 '^said: $' 'checkpoint -s: waiting for ever goes on' inside '
	cases wait_forever >said & sleep 0.3
	checkpoint -s $! && checkpoint -s $! && sleep 0.3 && echo "said: $(cat said)" && kill -0 $!'
expect 0 'status 3</i>' 'checkpoint -g: a graph' inside '
	sh -c "(exit 3) & exec sleep 60" & sleep 0.2; checkpoint $! | checkpoint -g'
mkdir freezer
expect 1 'is frozen, by the cgroup v1 freezer of /ice' 'checkpoint: frozen' inside '
	mount -t cgroup -o freezer none freezer && mkdir freezer/ice || exit
	sleep 60 & echo $! >freezer/ice/tasks; echo FROZEN >freezer/ice/freezer.state
	checkpoint $!; s=$?; echo THAWED >freezer/ice/freezer.state; exit $s'
if [ "$1" = long ]; then
	expect 1 'freeze the cgroup' 'checkpoint: a tree without end' inside '
		cases endless & sleep 0.2; checkpoint $!'
fi

# restart: what it is called with, and damaged files
expect 0 '^Usage: restart' 'restart --help' restart --help
expect 2 'which FILE' 'restart: no file' restart
expect 2 'do not go together' 'restart: -d -n' restart -d -n x
expect 3 'nothing: No such' 'restart: no such file' restart nothing

expect 2 'N has to be one number' 'restart: -i 0' restart -i 0 x
expect 2 'N has to be one number' 'restart: -i 1,2' restart -i 1,2 x
expect 2 'METHOD is' 'restart: unknown method' restart -m fork x
expect 2 'no such option\|unrecognized option\|invalid option' 'restart: unknown option' restart --foo x

# damaged PATTERN NAME: standard input is the file.
damaged()
{
	cat >bad
	expect 3 "bad:$1" "restart: $2" restart -n bad
}

p='process 100 ns 0 parent - group 100 session 100 comm "a"'
damaged '1: the file ends' 'empty file' </dev/null
damaged '1: not a record' 'not a record' <<-EOT
	root:x:0:0:root:/root:/bin/sh
EOT
head -c 100 /bin/busybox >binary
damaged '1: a NUL byte' 'a binary file' <binary
damaged '1: version 3: .* from 1 to 2' 'a later version' <<-EOT
	pidtree 3
EOT
damaged '2: "stopped" is not in records of version 1' 'a newer word in an old record' <<-EOT
	pidtree 1
	process 100 ns 0 parent - group 100 session 100 stopped comm "a"
EOT
damaged '2: exit: 256 is not within 0 and 255' 'an exit status that cannot be' <<-EOT
	pidtree 2
	zombie 100 ns 0 parent - group 100 session 100 exit 256 comm "a"
EOT
damaged '2: signal: 0 is not' 'no signal' <<-EOT
	pidtree 2
	zombie 100 ns 0 parent - group 100 session 100 signal 0 comm "a"
EOT
damaged '2: "exit" where "comm" should be' 'a process that has exited' <<-EOT
	pidtree 2
	process 100 ns 0 parent - group 100 session 100 exit 0 comm "a"
EOT
damaged '3: the file ends' 'cut off' <<-EOT
	pidtree 1
	$p
EOT
damaged '3: there should be 2 tasks, but there are 1' 'a line is missing' <<-EOT
	pidtree 1
	$p
	end 2
EOT
damaged '4: .* after the end' 'more after the end' <<-EOT
	pidtree 1
	$p
	end 1
	$p
EOT
damaged '3: pid 100 is on line 2' 'a pid twice' <<-EOT
	pidtree 1
	$p
	process 100 ns 0 parent 100 group 100 session 100 comm "b"
EOT
damaged '3: parent: no process 7' 'no such parent' <<-EOT
	pidtree 1
	$p
	process 101 ns 0 parent 7 group 100 session 100 comm "b"
EOT
damaged '4: parent: 101 is a zombie' 'a zombie with a child' <<-EOT
	pidtree 1
	$p
	zombie 101 ns 0 parent 100 group 100 session 100 comm "b"
	process 102 ns 0 parent 101 group 100 session 100 comm "c"
EOT
damaged '2: "proc?ess", but process' 'an escape sequence in the file' <<-EOT
	pidtree 1
	proc$(printf '\033')ess 100
EOT
damaged '3: parent: 100 is a zombie' 'a zombie with a child, both last' <<-EOT
	pidtree 1
	zombie 100 ns 0 parent - group 100 session 100 comm "a"
	process 101 ns 0 parent 100 group 100 session 100 comm "b"
EOT
damaged '2: comm: after a backslash go three octal digits' 'a character above 377' <<-EOT
	pidtree 1
	process 100 ns 0 parent - group 100 session 100 comm "a\\777"
EOT
damaged '2: "pgrp" where "group" should be' 'unknown word' <<-EOT
	pidtree 1
	process 100 ns 0 parent - pgrp 100 session 100 comm "a"
EOT
damaged '2: the line ends where session' 'short line' <<-EOT
	pidtree 1
	process 100 ns 0 parent - group 100
EOT
damaged '2: pids: entry 1, "-1", is negative' 'a negative pid' <<-EOT
	pidtree 1
	process -1 ns 0 parent - group 100 session 100 comm "a"
EOT
damaged '2: pids: nobody has pid 0' 'pid 0' <<-EOT
	pidtree 1
	process 0 ns 0 parent - group 100 session 100 comm "a"
EOT
damaged '2: session: 2 ids, but the process has 1' 'ids do not match' <<-EOT
	pidtree 1
	process 100 ns 0 parent - group 100 session 100,1 comm "a"
EOT
damaged '3: pid 1 must be the child of a process in the next older' 'two levels at once' <<-EOT
	pidtree 1
	$p
	process 101,5,1 ns 1 parent 100 group 100,0,0 session 100,0,0 comm "b"
EOT
damaged '3: ns: the next new namespace is 1' 'a namespace is left out' <<-EOT
	pidtree 1
	$p
	process 101,1 ns 2 parent 100 group 100,0 session 100,0 comm "b"
EOT
damaged '2: a thread before any process' 'a thread of nobody' <<-EOT
	pidtree 1
	thread 100 comm "a"
EOT
damaged '2: comm: the name has no end' 'a name without end' <<-EOT
	pidtree 1
	process 100 ns 0 parent - group 100 session 100 comm "a
EOT
damaged '2: comm: after a backslash go three octal' 'a bad escape' <<-EOT
	pidtree 1
	process 100 ns 0 parent - group 100 session 100 comm "\9"
EOT
damaged '2: comm: a name has at most 15' 'a long name' <<-EOT
	pidtree 1
	process 100 ns 0 parent - group 100 session 100 comm "0123456789abcdef"
EOT

# restart: trees that cannot be
record tree <<-EOT
	$p
	process 101 ns 0 parent 100 group 100 session 0 comm "b"
EOT
expect 4 'lived outside of this pid namespace' 'restart: a session from outside' inside 'setsid restart -n tree'
record tree <<-EOT
	$p
	process 101 ns 0 parent 100 group 102 session 101 comm "b"
EOT
expect 4 'line 3: 101 (b) cannot be recreated' 'restart: a session leader in a group' restart -n tree
record tree <<-EOT
	$p
	process 101,7 ns 1 parent 100 group 100,0 session 100,0 comm "b"
EOT
expect 4 'first process of its pid namespace is not' 'restart: a namespace without init' restart -n tree
record tree <<-EOT
	process 100,7 ns 0 parent - group 100,7 session 100,7 comm "a"
EOT
expect 4 'root needs 2 pid namespaces, and there are 1' 'restart: too few namespaces' restart tree
max=$(cat /proc/sys/kernel/pid_max)
record tree <<-EOT
	process $max ns 0 parent - group $max session $max comm "a"
EOT
expect 4 'not below kernel.pid_max' 'restart: pid_max' restart tree
record tree <<-EOT
	process 1000 ns 0 parent - group 1000 session 1000 comm "a"
	process 2 ns 0 parent 1000 group 1000 session 1000 comm "b"
EOT
expect 4 'pid 2, of b, is in use' 'restart: a pid in use' restart tree
expect 1 '' 'restart: nothing was tried' test -e /proc/1000
expect 4 'may not use clone_with_pids()' 'restart: no privilege' unshare -U restart tree

# A step fails when others have been taken: no trace may be left.
record tree <<-EOT
	process 1000 ns 0 parent - group 1000 session 1000 comm "a"
	thread 1005 comm "t"
	process 1001 ns 0 parent 1000 group 1000 session 1000 comm "b"
	process 1002 ns 0 parent 1001 group 999 session 1000 comm "c"
	process 1003,1 ns 1 parent 1002 group 999,0 session 1000,0 comm "d"
EOT
expect 1 'clone 1003/1 (d), CLONE_NEWPID: No space' 'restart: a step fails' inside '
	max=$(cat /proc/sys/user/max_pid_namespaces)
	echo 0 >/proc/sys/user/max_pid_namespaces
	restart tree; s=$?
	echo "$max" >/proc/sys/user/max_pid_namespaces
	for pid in 999 1000 1001 1002 1003 1005; do with_pids $pid -- true || exit; done
	echo free >free; exit $s'
expect 0 '^free$' 'restart: and leaves nothing behind' cat free

# Trees that go there and back. This one has everything that makes it hard.
record hard <<-EOT
	process 100 ns 0 parent - group 100 session 100 comm "root"
	thread 150 comm "worker one"
	thread 151 comm "a\\042b\\134c"
	process 110 ns 0 parent 100 group 109 session 100 comm "lost group"
	process 111 ns 0 parent 100 group 109 session 100 comm "lost group"
	process 120 ns 0 parent 100 group 120 session 120 comm "leader"
	process 121 ns 0 parent 120 group 121 session 120 comm "job"
	process 122 ns 0 parent 120 group 121 session 120 stopped comm "job"
	process 170 ns 0 parent 120 group 170 session 170 comm "far leader"
	process 130 ns 0 parent 100 group 120 session 120 comm "of a sibling"
	process 140 ns 0 parent 100 group 139 session 139 comm "lost session"
	process 141 ns 0 parent 100 group 141 session 139 comm "lost session"
	zombie 142 ns 0 parent 100 group 100 session 100 exit 7 comm "zombie"
	process 160 ns 0 parent 100 group 160 session 160 comm "left later"
	process 161 ns 0 parent 160 group 100 session 100 comm "born before"
	process 171 ns 0 parent 100 group 170 session 170 comm "orphan"
	process 180 ns 0 parent 100 group 181 session 100 comm "moved on"
	process 181 ns 0 parent 100 group 181 session 100 subreaper comm "new group"
	process 182 ns 0 parent 100 group 180 session 100 comm "old group"
	zombie 190 ns 0 parent 100 group 100 session 100 comm "half dead"
	thread 191 comm "alive"
	process 195 ns 0 parent 100 group 195 session 195 comm "dead leader"
	zombie 196 ns 0 parent 195 group 196 session 196 signal 11 comm "zombie leader"
	process 197 ns 0 parent 195 group 196 session 196 comm "its member"
	process 200,1 ns 1 parent 100 group 100,0 session 100,0 comm "init"
	process 201,2 ns 1 parent 200 group 201,2 session 201,2 comm "inner leader"
	process 202,3,1 ns 2 parent 201 group 201,2,0 session 201,2,0 comm "inner init"
	process 203,4,2 ns 2 parent 202 group 203,4,2 session 203,4,2 comm "innermost"
	thread 204,5,3 comm "its thread"
	process 206,7,5 ns 2 parent 202 group 205,6,4 session 205,6,4 comm "inner lost"
	process 210,8 ns 1 parent 100 group 100,0 session 100,0 comm "entered"
	process 220,1 ns 3 parent 100 group 109,0 session 100,0 comm "put in group"
	process 230,1 ns 4 parent 100 group 230,1 session 100,0 comm "left its group"
	process 231,2 ns 4 parent 230 group 100,0 session 100,0 comm "heir of it"
	process 240,1 ns 5 parent 100 group 239,0 session 100,0 stopped comm "lost outside"
	process 250,1 ns 6 parent 100 group 249,0 session 248,0 comm "ours"
	process 251,2 ns 6 parent 250 group 247,0 session 248,0 comm "stranger"
	process 252,3 ns 6 parent 250 group 246,0 session 246,0 comm "stranger too"
	process 253,4 ns 6 parent 250 group 253,4 session 253,4 comm "its own"
	zombie 260,1 ns 7 parent 100 group 100,0 session 100,0 signal 9 comm "killed init"
EOT
back='root=$(restart -d hard) && checkpoint -s -o found $root'
expect 0 '' 'restart: a hard tree' inside "$back"
same hard found 'restart: a hard tree is the same'
expect 0 '' 'restart: one level deeper' inside "unshare -p -f --mount-proc sh -c '$back'"
same hard found 'restart: one level deeper, the same'

# As seen from within a container: its root is pid 1, and the pids outside do not matter.
record container <<-EOT
	process 1 ns 0 parent - group 0 session 0 comm "init"
	process 5 ns 0 parent 1 group 5 session 5 comm "daemon"
	process 6,1 ns 1 parent 5 group 5,0 session 5,0 comm "inner"
EOT
expect 0 '' 'restart: a whole container' inside '
	root=$(restart -d container) && nsenter -t $root -p unshare --mount-proc checkpoint -o found 1'
same container found 'restart: a whole container is the same'

# A root that is no init, with pids in two existing namespaces.
record both <<-EOT
	process 300,50 ns 0 parent - group 300,50 session 300,50 comm "both"
EOT
expect 0 '300.50$' 'restart: pids in an older namespace, too' inside '
	mkfifo go; unshare -p -f --mount-proc sh -c "restart -d both; read x <go" &
	until grep NSpid /proc/300/status 2>/dev/null; do sleep 0.1; done; echo >go'

# The record of something that runs is deterministic, and 64- and 32-bit alike.
expect 0 '' 'checkpoint: twice the same' inside '
	setsid sh -c "sleep 60 | cat & threads a b & (sleep 61 &) ; exec sleep 62" & sleep 0.5
	checkpoint $! >one && checkpoint $! >two && cmp one two'

# It stays the parent, and ends as the root does, or takes it along.
record tree <<-EOT
	process 100 ns 0 parent - group 100 session 100 comm "a"
	process 101 ns 0 parent 100 group 101 session 101 comm "b"
EOT
expect 143 '' 'restart: ends as the root does' inside '
	restart tree >pid & until [ -s pid ]; do sleep 0.1; done; kill 100; wait $!'
rm -f pid
expect 143 'gone' 'restart: a signal ends the tree' inside '
	restart tree >pid & until [ -s pid ]; do sleep 0.1; done; kill $!; wait $!
	s=$?; [ -e /proc/100 ] || [ -e /proc/101 ] || echo gone; exit $s'

# An ignored signal stays ignored; and a job that is stopped survives restart.
expect 143 '^lives$' 'restart: nohup' inside '
	rm -f pid; cases ignore_hup restart tree >pid & until [ -s pid ]; do sleep 0.1; done
	kill -HUP $!; sleep 0.3; [ -e /proc/100 ] && echo lives; kill $!; wait $!'
record root <<-EOT
	process 100 ns 0 parent - group 100 session SESSION stopped comm "a"
EOT
expect 0 'stopped comm "a"' 'restart -d: a root that is stopped gets no SIGHUP' inside '
	setsid sh -c "sed s/SESSION/\$\$/ root >mine; restart -d mine; true" && sleep 0.2 && checkpoint 100'
record old 1 <<-EOT
	process 100 ns 0 parent - group 100 session 100 comm "a"
	zombie 101 ns 0 parent 100 group 100 session 100 comm "b"
EOT
expect 0 'exit 0 comm "b"' 'restart: a record of version 1' inside 'restart -d old && checkpoint 100'

record half <<-EOT
	zombie 100 ns 0 parent - group 100 session 100 comm "a"
	thread 101 comm "t"
EOT
expect 0 '' 'restart: a root without its first thread' inside 'restart -d half && checkpoint -o found 100'
same half found 'restart: a root without its first thread, the same'

# A helper finds its pid taken.
record helped <<-EOT
	process 400 ns 0 parent - group 400 session 400 comm "a"
	process 401 ns 0 parent 400 group 401 session 401 comm "b"
	process 402 ns 0 parent 401 group 402 session 402 comm "c"
	process 403 ns 0 parent 400 group 402 session 402 comm "d"
EOT
expect 0 '' "restart: a helper's pid is that of its parent" inside "
	with_pids $((max - 1)) sh -c 'restart -d helped && checkpoint -o found 400'"
same helped found "restart: a helper's pid is that of its parent, the same"
expect 0 '' "restart: a helper's pid is taken" inside "
	with_pids $((max - 1)) sleep 60 & with_pids $((max - 2)) sleep 60 & sleep 0.2
	restart -d helped && checkpoint -o found 400"
same helped found "restart: a helper's pid is taken, the same"
record way <<-EOT
	process 2 ns 0 parent - group 2 session 2 comm "a"
	process 30000 ns 0 parent 2 group 2 session 2 comm "b"
EOT
expect 4 'threads come back through clone_with_pids only' 'restart -m: threads' restart -m clone3 hard
expect 4 'for one pid namespace only' 'restart -m: two namespaces' restart -m ns_last_pid container
for method in clone3 ns_last_pid; do
	expect 0 '' "restart -m $method" inside "restart -d -m $method tree && checkpoint -o found 100"
	same tree found "restart -m $method, the same"
done
expect 0 'needed: a copy of it would go on' 'restart -n: in the way itself' inside 'restart -n way; exit $?'
expect 0 'needed: it goes on as process' 'restart: in the way itself' inside '
	restart -d way
	i=0; until [ -e /proc/30000 ] || [ $((i += 1)) = 300000 ]; do :; done
	sleep 0.2; checkpoint -o found 2'
same way found 'restart: in the way itself, the same'

# What -n asks of the kernel is only what /proc shows.
expect 0 '100: clone\|clone 100 (a)' 'restart -n: without privilege' cases user 65534 restart -n tree
record tree2 <<-EOT
	process 1000 ns 0 parent - group 1000 session 1000 comm "a"
	process 2 ns 0 parent 1000 group 1000 session 1000 comm "b"
EOT
expect 4 'by a process (kthreadd' 'restart -n: a pid in use, and by whom' \
	cases user 65534 restart -n tree2

# Whoever waits for a turn ends when restart is killed.
{
	echo 'process 1000 ns 0 parent - group 1000 session 1000 comm "root"'
	for i in $(seq 1001 2499); do
		echo "process $i ns 0 parent 1000 group 1000 session 1000 comm \"p\""
	done
} | record large
expect 0 '^gone$' 'restart: killed in the middle' inside '
	rm -f pid; restart -d large >pid & until [ -e /proc/1100 ]; do :; done; kill -KILL $!; wait $!
	[ ! -s pid ] || exit
	for i in $(seq 50); do
		[ "$(ls -d /proc/1[0-9][0-9][0-9] /proc/2[0-9][0-9][0-9] 2>/dev/null)" ] || break
		sleep 0.1
	done
	[ $i = 50 ] || echo gone'

# Only the inner ids matter: two levels less, and inside one more container.
record app <<-EOT
	process 300,50,7 ns 0 parent - group 300,50,7 session 300,50,7 comm "app"
	process 301,51,8 ns 0 parent 300 group 301,51,8 session 300,50,7 comm "job"
	thread 302,52,9 comm "t"
	process 303,53,10,1 ns 1 parent 300 group 299,0,0,0 session 300,50,7,0 comm "inner"
EOT
record less <<-EOT
	process 7 ns 0 parent - group 7 session 7 comm "app"
	process 8 ns 0 parent 7 group 8 session 7 comm "job"
	thread 9 comm "t"
	process 10,1 ns 1 parent 7 group 0,0 session 7,0 comm "inner"
EOT
expect 4 'or use --inner 2' 'restart: says what to do with too few namespaces' inside 'restart app'
expect 4 'cannot be recreated' 'restart -i: a group from outside, another session' inside 'restart -d -i 1 app'
sed -i 's/group 299,0,0,0/group 300,50,7,0/' app; sed -i 's/group 0,0/group 7,0/' less
expect 0 '' 'restart -i: two levels less' inside 'restart -d -i 1 app && checkpoint -o found 7'
same less found 'restart -i: two levels less, the same'
expect 0 '' 'restart -i: one more container' inside '
	unshare -p -f --mount-proc unshare -p -f --mount-proc unshare -p -f --mount-proc \
		sh -c "restart -d -i 1 app && checkpoint -o found 7"'
same less found 'restart -i: one more container, the same'
expect 0 '[0-9]*.50.7$' 'restart -i: the outermost is left to the kernel' inside '
	rm -f go; mkfifo go; unshare -p -f sh -c "
		unshare -p -f --mount-proc sh -c \"restart -d -i 2 app; read x <go\"" &
	until grep "NSpid.*50.7$" /proc/[0-9]*/status; do sleep 0.1; done; echo >go'
record svc <<-EOT
	process 300,50 ns 0 parent - group 290,0 session 290,0 comm "svc"
	process 301,51 ns 0 parent 300 group 290,0 session 290,0 comm "child"
EOT
expect 0 '^child$' "restart -i: a session from outside becomes restart's own" inside '
	setsid sh -c "restart -d -i 1 svc; true"; cat /proc/51/comm'
expect 4 'ids of 3 pid namespaces only' 'restart -i: too many' restart -i 4 app

# Into a running pid namespace, with the /proc of an older one; with
# CAP_CHECKPOINT_RESTORE only; and with no privilege outside.
expect 0 '' 'restart: into a running pid namespace' inside '
	'"$child_of"'
	unshare -p -f sleep 60 & sleep 0.2; nsenter -t $(child_of $!) -p restart -d both &&
		checkpoint -o found 300'
same both found 'restart: into a running pid namespace, the same'
sed 's/,50/,2/g' both >taken
expect 4 'pid 2, of both, is in use' 'restart: a pid in use in a running pid namespace' inside '
	'"$child_of"'
	unshare -p -f sh -c "sleep 60 & wait" & sleep 0.2
	nsenter -t $(child_of $!) -p restart -d taken'
expect 0 '' 'restart: as a user with CAP_CHECKPOINT_RESTORE' inside '
	cases restorer 1000 restart -d tree && checkpoint -o found 100'
same tree found 'restart: as a user with CAP_CHECKPOINT_RESTORE, the same'
expect 0 '' 'restart: CAP_CHECKPOINT_RESTORE over its own level only' \
	cases user 1000 unshare -r -p -f --mount-proc cases restorer 0 sh -c '
	restart -d tree && checkpoint -o found 100'
same tree found 'restart: CAP_CHECKPOINT_RESTORE over its own level only, the same'
expect 4 'may not choose pids in an older pid namespace' 'restart: no privilege over an older level' \
	cases user 1000 unshare -r -p -f --mount-proc cases restorer 0 restart -d both
expect 0 '' 'restart: without privilege outside' \
	cases user 1000 unshare -r -p -f --mount-proc sh -c "$back"
same hard found 'restart: without privilege outside, the same'

# Trees that grew at random: the kernel made them, so there is a way.
seeds='1 2 3'
[ "$1" != long ] || seeds=$(seq 60)
for seed in $seeds; do
	expect 0 '' "restart: a tree that grew, $seed" inside '
		'"$child_of"'
		setsid unshare -p -f cases grow '"$seed"' 2>/dev/null & sleep 0.5; init=$(child_of $!)
		checkpoint -o grown $init && checkpoint -o found $init && cmp grown found || exit
		kill -KILL $init; wait
		restart -d grown >pid && checkpoint -o found "$(cat pid)"'
	same grown found "restart: a tree that grew, $seed, the same"
done

if [ "$1" = long ]; then
	{
		echo 'process 400 ns 0 parent - group 400 session 400 comm "root"'
		for i in $(seq 401 10399); do
			echo "process $i ns 0 parent 400 group 400 session 400 comm \"p\""
		done
	} | record huge
	for method in clone_with_pids clone3 ns_last_pid clone_with_pids clone3 ns_last_pid; do
		expect 0 'us each' "restart: 10000 processes, by $method" \
			inside "restart -d -t -m $method huge"
		sed -n "s/^restart:/# $method:/p" "$dir/out"
	done
	expect 0 '' 'restart: 10000 processes' inside 'restart -d huge && checkpoint -o found 400'
	same huge found 'restart: 10000 processes, the same'
fi

echo "1..$cases"
[ $failed = 0 ]
