#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Is boot.sh to be believed? Boot a kernel with programs that go wrong in every
# way that it claims to see, and check what it says and how it exits.
set -euo pipefail

(($# == 1)) || { echo "usage: ${0##*/} BZIMAGE" >&2; exit 2; }
bzimage=$1
boot=$(dirname "$0")/boot.sh
tmp=$(mktemp -d "${TMPDIR:-/tmp}/selfcheck.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# One program, which does what its name says.
cat >"$tmp/program.c" <<'EOT'
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/* PID 1 does not run any more. */
static void freeze_init(void)
{
	mkdir("/sys/fs/cgroup/frozen", 0755);
	put("/sys/fs/cgroup/frozen/cgroup.procs", "1");
	put("/sys/fs/cgroup/frozen/cgroup.freeze", "1");
	pause();
}

/* A namespace that outlives its processes, as one with a leaked count does. */
static void pin_pid_namespace(void)
{
	char path[64];
	pid_t pid;

	unshare(CLONE_NEWPID);
	pid = fork();
	if (!pid)
		pause();
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	put("/tmp/ns", "");
	if (mount(path, "/tmp/ns", NULL, MS_BIND, NULL))
		perror("mount");
	kill(pid, 9);
}

int main(int argc, char *argv[])
{
	const char *name = strrchr(argv[0], '/') + 1;
#define IS(what) (!strcmp(name, what))

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (IS("skipall")) {
		puts("1..0 # SKIP nothing to test");
		return 4;
	}
	if (!IS("noplan"))
		puts(IS("wrongplan") ? "1..3" : IS("nocase") ? "1..0" : "1..2");
	if (IS("nocase"))
		return 0;
	puts("ok 1 first");
	usleep(200000);
	if (IS("signal"))
		abort();
	if (IS("hang"))
		pause();
	if (IS("freeze"))
		freeze_init();
	if (IS("reboot_early"))
		reboot(RB_AUTOBOOT);
	if (IS("panic"))
		put("/proc/sysrq-trigger", "c");
	if (IS("splat"))
		put("/dev/kmsg", "WARNING: CPU: 0 PID: 1 at made/up.c:1\n");
	if (IS("race_here"))
		put("/dev/kmsg", "BUG: KCSAN: data-race in elsewhere / made.up.0\n");
	if (IS("race_elsewhere") || IS("race_unlisted"))
		put("/dev/kmsg", "BUG: KCSAN: data-race in elsewhere / not_made.up.0\n");
	if (IS("leak"))
		pin_pid_namespace();
	if (IS("orphan") && !fork())
		pause();
	if (IS("fail") || IS("liar")) {
		puts("not ok 2 second");
		return IS("fail");
	}
	puts(IS("misnumbered") ? "ok 3 second" :
	     IS("skip") ? "ok 2 # SKIP second" : "ok 2 second");
	return IS("exit") ? 3 : 0;
}
EOT
gcc -O2 -static -o "$tmp/program" "$tmp/program.c"

nr=0 bad=0
# check STATUS LAST-LINE PATTERN BOOT-ARGUMENT...
check()
{
	local want=$1 last=$2 pattern=$3 status=0 what=''

	shift 3
	"$boot" "$@" >"$tmp/output" 2>&1 </dev/null || status=$?
	((status == want)) || what+=" status $status, not $want;"
	[[ ! $last || $(tail -n1 "$tmp/output") == "$last" ]] ||
		what+=" last line '$(tail -n1 "$tmp/output")', not '$last';"
	grep -qE "$pattern" "$tmp/output" || what+=" no line matches '$pattern';"
	nr=$((nr + 1))
	if [[ $what ]]; then
		sed 's/^/# /' "$tmp/output"
		echo "# $what"
		bad=$((bad + 1))
		echo "not ok $nr $name"
	else
		echo "ok $nr $name"
	fi
}

# A kernel beside which the functions are listed where a race is a failure.
listed=$tmp/bzImage.listed
ln -s "$(realpath "$bzimage")" "$listed"
printf '%s\n' alloc_nothing made.up.0 >"$listed.functions"
unlisted=$tmp/bzImage.unlisted
ln -s "$(realpath "$bzimage")" "$unlisted"

# run NAME... STATUS LAST-LINE PATTERN, with the programs of these names
run()
{
	local programs=()

	name=$1
	for program in $1; do
		cp "$tmp/program" "$tmp/$program"
		programs+=("$tmp/$program")
	done
	check "$2" "$3" "$4" -T 2 -t "${limit:-60}" "${kernel:-$bzimage}" "${programs[@]}"
}

echo "TAP version 13"
run 'pass'		0 '2 passed, 0 failed' '^ok 1 selftests: clone_with_pids: pass$'
run 'pass skip skipall'	0 '3 passed, 0 failed, 2 skipped' '^ok 3 .*: skipall # SKIP$'
run 'fail pass'		1 '3 passed, 1 failed' '^not ok 1 .*: fail # exit=1$'
run 'liar'		1 '1 passed, 1 failed' '# 1 cases failed, but exit=0$'
run 'exit'		1 '2 passed, 1 failed' '# exit=3$'
run 'signal pass'	1 '3 passed, 1 failed' '^not ok 1 .*: signal # killed by signal 6'
run 'hang pass'		1 '3 passed, 1 failed' '^not ok 1 .*: hang # TIMEOUT$'
run 'noplan'		1 '2 passed, 1 failed' '# printed no plan$'
run 'nocase'		1 '0 passed, 1 failed' '# ran no case'
run 'wrongplan'		1 '2 passed, 1 failed' '# planned 3 cases, reported 2$'
run 'misnumbered'	1 '2 passed, 1 failed' '# cases are not numbered'
run 'orphan'		1 '2 passed, 1 failed' '# left processes behind$'
run 'leak pass'		1 '4 passed, 1 failed' '^# leak: 1 objects in slab cache pid_namespace'
run 'splat'		1 '2 passed, 1 failed' '^# splat: the kernel reports: WARNING:'
kernel=$listed
run 'race_here'		1 '2 passed, 1 failed' '^# race_here: the kernel reports: BUG: KCSAN:'
run 'race_elsewhere'	0 '2 passed, 0 failed' '^# boot.sh: 1 data races'
kernel=$unlisted
run 'race_unlisted'	1 '2 passed, 1 failed' '^# race_unlisted: the kernel reports: BUG: KCSAN:'
kernel=''
run 'panic pass'	1 '1 passed, 3 failed' 'Kernel panic - not syncing'
run 'reboot_early'	1 '1 passed, 1 failed' 'ended before its time; reboot_early was'
limit=6
run 'freeze pass'	1 '1 passed, 2 failed' 'NMI: Not continuing'

name='a command and its status'
check 7 'hello' '^hello$' -x 'echo hello; exit 7' "$bzimage"
name='a command and a splat'
check 125 '' 'the kernel reports trouble' -x 'echo BUG: none >/dev/kmsg' "$bzimage"
name='a command that hangs'
check 125 '' 'not ended after 6 seconds' -t 6 -x 'sleep 99' "$bzimage"
name='no kernel'
check 2 '' 'has the kernel been built' "$tmp/bzImage" "$tmp/pass"
name='no bzImage'
check 2 '' 'not an x86 bzImage' "$tmp/pass" "$tmp/pass"
name='no program'
check 2 '' 'no such file' "$bzimage" "$tmp/none"
gcc -o "$tmp/dynamic" "$tmp/program.c"
name='a dynamic program'
check 2 '' 'not linked statically' "$bzimage" "$tmp/dynamic"

name='long options'
check 0 '1 passed, 0 failed, 1 skipped' '^1\.\.1$' --timeout-each=9 --timeout 60 --cpus 1 "$bzimage" "$tmp/skip"
name='an unknown option'
check 2 '' "unrecognized option '--no-such'" --no-such "$bzimage" "$tmp/pass"
name='an option without its argument'
check 2 '' "requires an argument -- 't'" -t
name='a bad number'
check 2 '' "'soon' is not a positive number" --timeout soon "$bzimage" "$tmp/pass"

name='a skip where none may be'
check 1 '1 passed, 1 failed' 'and -S says' -S -T 2 "$bzimage" "$tmp/skip"

name='counts of a log'
"$boot" -T 2 "$bzimage" "$tmp/pass" "$tmp/skip" "$tmp/fail" >"$tmp/log" || true
nr=$((nr + 1))
if [[ $("$(dirname "$0")/verdict.py" count "$tmp/log") == "$(tail -n1 "$tmp/log")" ]]; then
	echo "ok $nr $name"
else
	bad=$((bad + 1))
	echo "not ok $nr $name"
fi

name='an end at the first failure'
cp "$tmp/program" "$tmp/fail"
check 1 '1 passed, 1 failed' 'first failure; 1 programs have not been run' -F "$bzimage" "$tmp/fail" "$tmp/pass"

name='a signal leaves nothing behind'
mkdir "$tmp/boot"
cp "$tmp/program" "$tmp/hang"
TMPDIR=$tmp/boot "$boot" "$bzimage" "$tmp/hang" >"$tmp/output" &
while kill -0 $! 2>/dev/null && ! grep -q 'ok 1 first' "$tmp/output"; do
	sleep 0.1
done
kill -TERM $! || true
wait $! || true
nr=$((nr + 1))
if [[ $(ls -A "$tmp/boot") ]] || pgrep -f "$tmp/boot" >/dev/null; then
	bad=$((bad + 1))
	echo "not ok $nr $name"
else
	echo "ok $nr $name"
fi
echo "1..$nr"

((!bad))
