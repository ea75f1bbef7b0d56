#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A process tree in nested pid namespaces is written down, killed, and recreated
# with the same pids. Needs root, a kernel with clone_with_pids(), busybox, and
# the sample programs in PATH. With DOT=1 in the environment, the trees before and
# after are also printed for graphviz, in lines that begin with "#dot NAME ".
set -eu

dir=$(mktemp -d /tmp/demo.XXXXXX)
root='' init=''

say()
{
	printf '\n== %s\n\n' "$*"
}

fail()
{
	printf '\nFAILED: %s\n' "$*" >&2
	exit 1
}

# The first process of a pid namespace takes all others there with it.
end()
{
	status=$?
	[ -z "$root" ] || kill -KILL "$root" "$init" 2>/dev/null || :
	rm -rf "$dir"
	exit $status
}
trap end EXIT

fetch()
{
	wget -q -O - "http://127.0.0.1:$1" 2>/dev/null
}

# Try a command up to 100 times, until it succeeds.
await()
{
	for _ in $(seq 100); do
		! "$@" || return 0
		kill -0 "$root" || break
		sleep 0.1
	done
	cat "$dir/errors" >&2
	fail "this never succeeded: $*"
}

# What runs: a web server with a filter for its log, a program with threads, a
# daemon whose session has lost its leader, a zombie; and, one pid namespace
# deeper, a second server with a job in a session of its own.
cat >"$dir/service" <<-'EOT'
	cd "$1"
	touch log
	httpd -f -p 127.0.0.1:8001 -h www &
	tail -f log | tr a-z A-Z | cat >filtered &
	threads reader writer &
	setsid sh -c 'sleep 3000 & sleep 3001 &'
	(true & exec sleep 3002) &
	with_pids -n 0 -- sh -c 'httpd -f -p 127.0.0.1:8002 -h www & setsid sleep 3003 & wait' &
	wait
EOT
mkdir -p "$dir/www/cgi-bin"
echo 'hello from a file, of the server in the innermost pid namespace' >"$dir/www/index.html"
cat >"$dir/www/cgi-bin/who" <<-'EOT'
	#!/bin/sh
	printf 'Content-Type: text/plain\r\n\r\n'
	echo "hello from a CGI that is process $$ in its pid namespace"
EOT
chmod +x "$dir/www/cgi-bin/who"
ifconfig lo 127.0.0.1 up

ready()
{
	fetch 8001/cgi-bin/who >"$dir/answer" && fetch 8002/ >>"$dir/answer" &&
		checkpoint -o "$dir/before" "$root" && grep -q ^zombie "$dir/before" &&
		[ "$(grep -c ^thread "$dir/before")" = 2 ] &&
		[ "$(grep -cE '"(sleep|tail|tr|cat)"' "$dir/before")" = 7 ]
}

# The first process of the pid namespace that is so many deep.
first_of()
{
	awk -v n="$1" '/^NSpid:/ && NF == n + 1 && $NF == 1 { split(FILENAME, part, "/"); print part[3] }' \
		/proc/[0-9]*/status
}

# What the tree of process $1, the first in its pid namespace, looks like from inside.
inside()
{
	nsenter -t "$1" -p unshare --mount-proc checkpoint 1
}

with_pids 0 -- true || fail "clone_with_pids() cannot be called here"

say "A program of many processes, in two pid namespaces below this one"
setsid with_pids -n 0 -- unshare --mount-proc sh "$dir/service" "$dir" \
	</dev/null >/dev/null 2>"$dir/errors" &
root=$!
await ready 2>>"$dir/errors"
echo "It lives, and says:"
sed 's/^/  /' "$dir/answer"

say "Its tree, written down from /proc by checkpoint"
echo "An id a/b/c is a in this pid namespace, b one level deeper, c in the deepest;"
echo "0: the leader of that group or session is not seen there."
echo
checkpoint -o "$dir/before" "$root"
checkpoint -t "$dir/before" | tee "$dir/before.table"
init=$(sed -n "s/^process \([0-9]*\),1 .* parent $root .*/\1/p" "$dir/before")

say "Kill it"
kill -KILL "$init"
wait "$root" 2>/dev/null || :
root=''
! fetch 8001/cgi-bin/who || fail "the web server has survived"
while read -r kind pid _; do
	[ "$kind" != process ] || [ ! -e "/proc/${pid%%,*}" ] || fail "$pid has survived"
done <"$dir/before"
echo "All $(sed -n 's/^end //p' "$dir/before") tasks are gone."

say "Recreate it with clone_with_pids(), and write it down again"
steps=$(restart -n "$dir/before" | wc -l)
root=$(restart -d "$dir/before")
checkpoint -o "$dir/after" "$root"
checkpoint -t "$dir/after" >"$dir/after.table"
echo "restart took $steps steps. Before, and after:"
echo
awk '
	{ line[FNR] = (NR == FNR) ? $0 : line[FNR] "\n" $0 }
	NR == FNR && length > width { width = length }
	END {
		for (i = 1; i <= FNR; i++) {
			split(line[i], side, "\n")
			printf "%-" width "s  |  %s\n", side[1], side[2]
		}
	}' "$dir/before.table" "$dir/after.table"
echo
diff "$dir/before" "$dir/after" || fail "the trees differ"
echo "What differs: nothing."

say "Ask for a pid that is taken"
taken=$(sed -n 's/^process [0-9]*,\([0-9]*\) .* comm "httpd"$/\1/p' "$dir/before")
free=31999
echo "In the pid namespace of the service, for $free outside, which is free, and $taken inside:"
echo
# Where 20000 was the last pid, 20001 goes to with_pids itself, and 20002 comes next.
cat >"$dir/ask" <<-EOT
	echo 20000 >/proc/sys/kernel/ns_last_pid
	with_pids $free,$taken -- true
	echo \$? >"$dir/status"
	sh -c 'echo \$\$' >"$dir/next"
EOT
echo "  \$ with_pids $free,$taken -- true"
nsenter -t "$init" -p sh "$dir/ask" 2>&1 | sed 's/^/  /'
read -r status <"$dir/status"
read -r next <"$dir/next"
[ "$status" = 125 ] || fail "with_pids exited with $status"
[ "$next" = 20002 ] || fail "the next fork got pid $next, not 20002"
checkpoint -o "$dir/after" "$root"
diff "$dir/before" "$dir/after" || fail "the tree has changed"
[ "$(with_pids $free -- sh -c 'echo $$')" = $free ] || fail "$free is not free any more"
echo
echo "It is refused, and that leaves no trace: the tree is the same, $free is still free,"
echo "and the next fork in there got $next, the pid that it would have got anyway."

say "Restart the service where only its own pids matter: two containers deeper"
checkpoint -o "$dir/service" "$init"
inside "$init" >"$dir/inside"
kill -KILL "$root" "$init"
unshare -p -f --mount-proc unshare -p -f --mount-proc \
	restart -i 1 "$dir/service" >"$dir/pid" 2>"$dir/errors" </dev/null &
root=$!		# for as long as there is no other
await test -s "$dir/pid"
root=$(first_of 4)
checkpoint -o "$dir/deeper" "$root"
echo "w/x/y/b or w/x/y/b/c: the kernel chose w, x and y; b and c are those of old."
echo
checkpoint -t "$dir/deeper"
inside "$root" >"$dir/now"
echo
diff "$dir/inside" "$dir/now" || fail "the tree differs, seen from inside"
echo "What differs, seen from inside: nothing."

say "Restart what lives there with two pid namespaces less"
kill -KILL "$root"
root=$(restart -d -i 1 "$dir/deeper")
checkpoint -o "$dir/less" "$root"
checkpoint -t "$dir/less"
inside "$root" >"$dir/now"
echo
diff "$dir/inside" "$dir/now" || fail "the tree differs, seen from inside"
echo "What differs, seen from inside: nothing."

if [ "${DOT:-}" = 1 ]; then
	for name in before after deeper less; do
		checkpoint -g "$dir/$name" | sed "s/^/#dot $name /"
	done
fi
