# SPDX-License-Identifier: GPL-2.0
"""In the guest: CRIU dumps applications, and restores them through clone_with_pids(). Prints TAP, and a table.

Which calls created the restored processes is not taken from the library's word, but from the kernel's syscall tracepoints: the child
of a call returns 0 from it.
"""
import contextlib
import ctypes
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

from kernel import CALLS, Trace, confine, members, threads_of
from trees import WORK, Failure, alive, check, dump, errors, identities, identity, kill_tree, restore, restored_pid, send, start
from trees import stop, wait_until

PRELOAD = "/criu/clone_with_pids_preload.so"
TRIES = 20
TREE = ("/usr/bin/python3", "/criu/pytree.py")
table = []


def library_counts(said):
    """How many were created by the call, refused by it, left to clone3() with set_tid, and without."""
    found = re.search(r"preload: (\d+) created by clone_with_pids\(\), (\d+) refused; left to clone3\(\): (\d+) with set_tid, (\d+)", said)
    check(found, "the library does not say what it did:", errors(said))
    return tuple(map(int, found.groups()))


def there_and_back(name, pid, before, after, level=0, options=()):
    """Dump a tree, see it gone, restore it through the call, compare. AFTER gets the new root, and what BEFORE returned."""
    was, state = identities(pid, level), before()
    images = dump(pid, name.replace(" ", "-"), *options)
    with Trace() as trace:
        done, log = restore(images, *options, preload=PRELOAD)
    check(done, "criu restore:", errors(log))
    root = restored_pid(images)
    is_ = identities(root, level)
    check(was == is_, f"another tree came back: {was} before, {is_} now")
    tree = set(members(root))
    tids = {tid for p in tree for tid in threads_of(p, 0)} - tree
    made = {call: set(trace.children(call)) for call in CALLS}
    check(tree <= made["clone_with_pids"], f"not from clone_with_pids(): {sorted(tree - made['clone_with_pids'])}")
    for call in set(CALLS) - {"clone_with_pids"}:
        check(not tree & made[call], f"these come from {call}(): {tree & made[call]}")
    check(tids <= made["clone3"], "threads that do not come from CRIU's own clone3():", tids - made["clone3"])
    counts = library_counts(log)
    check(counts[0] >= len(tree) and counts[1:3] == (0, 0), "the library counts", counts)
    table.append((name, len(tree), len(tids), " ".join(map(str, sorted(was))), " ".join(map(str, sorted(is_))),
                  len(tree & made["clone_with_pids"]), len(tids & made["clone3"])))
    after(root, state)
    return root


COUNTS = (12, 6, 19, 7)     # of clone3_calls.py


def test_library():
    """with the library, each kind of clone3() does what it does without"""
    def outcomes(**env):
        ran = subprocess.run(["/usr/bin/python3", "/criu/clone3_calls.py"], env=dict(os.environ, **env), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=60)
        check(ran.returncode == 0, ran.stdout, ran.stderr)
        wait_until(lambda: not alive(4713), "the child of CLONE_PARENT")
        return ran.stdout.splitlines(), ran.stderr

    (plain, _), (ours, said) = outcomes(), outcomes(LD_PRELOAD=PRELOAD)
    check(len(plain) > 30 and any("4711: 4711" in line for line in plain), "clone3() does not work here:", plain)
    differ = [f"{a} (with the library: {b})" for a, b in zip(plain, ours) if a != b]
    check(not differ and len(plain) == len(ours), "these differ:", *("\n" + line for line in differ))
    # The last line is of the process that called: those in other namespaces share its counts.
    check(library_counts(said) == COUNTS, "the library counts", library_counts(said), "not", COUNTS)


# Applications

def start_pytree(threads):
    folder = f"{WORK}/state"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    pid = start(*TREE, folder, str(threads))
    wait_until(lambda: len(members(pid)) == (6 if threads else 5) and len(live(pid)) == (5 if threads else 4) and
               all(handles(p, signal.SIGUSR1) for p in live(pid)), "the tree")
    return pid


def live(pid):
    return [p for p in members(pid) if not identity(p)["zombie"]]


def handles(pid, sig):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"SigCgt:\t(.*)", file.read())[1], 16) >> (sig - 1) & 1


def ask_pytree(pid):
    """{name: [token, count, more...]} of all members"""
    folder = f"{WORK}/state"
    for file in os.listdir(folder):
        os.unlink(f"{folder}/{file}")
    pids = live(pid)
    for p in pids:
        os.kill(p, signal.SIGUSR1)
    wait_until(lambda: sum("." not in f for f in os.listdir(folder)) == len(pids), "the members' reports")
    return {f: open(f"{folder}/{f}").read().split() for f in os.listdir(folder)}


def goes_on(pid, was):
    """The same memory, each count as far as before, and counting."""
    now = ask_pytree(pid)
    check(now.keys() == was.keys(), now.keys(), "instead of", was.keys())
    wait_until(lambda: all(int(ask_pytree(pid)[name][1]) > int(now[name][1]) + 2 for name in now), "all to go on counting")
    later = ask_pytree(pid)
    for name in was:
        check(was[name][0] == now[name][0], name, "has forgotten its token")
        check(int(was[name][1]) <= int(now[name][1]) < int(later[name][1]), name, "does not go on counting:",
              was[name], now[name], later[name])
    for a, b, c in zip(*(state["threads"][2:] for state in (was, now, later))) if "threads" in was else ():
        check(int(a) <= int(b) < int(c), "a thread does not go on counting:", a, b, c)
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: ask_pytree(pid)["head"][2] == "7", "the zombie's exit status")


def test_python_tree():
    """a python3 tree with pipes, a session of its own, a zombie and threads"""
    pid = start_pytree(threads=3)
    root = there_and_back("python3", pid, lambda: ask_pytree(pid), goes_on)
    kill_tree(root)


def redis(*command):
    return subprocess.run(["/usr/bin/redis-cli", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          timeout=20).stdout.strip()


def test_redis():
    """redis-server with data, and its threads"""
    pid = start("/usr/bin/redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", WORK)
    wait_until(lambda: redis("ping") == "PONG", "redis")
    redis("eval", "for i = 1, 1000 do redis.call('set', 'key' .. i, i * i) end", "0")
    redis("rpush", "list", "a", "b", "c")

    def state():
        return redis("dbsize"), redis("get", "key777"), redis("lrange", "list", "0", "-1"), re.search(r"run_id:(\w+)", redis("info"))[1]

    def answers(_, was):
        now = state()
        check(now == was == ("1001", str(777 * 777), "a\nb\nc", was[3]), f"redis answers {now}, not {was}")
        check(redis("incr", "key777") == str(777 * 777 + 1), "redis does not write")

    root = there_and_back("redis-server", pid, state, answers)
    kill_tree(root)


def test_pipeline():
    """a shell pipeline"""
    numbers = f"{WORK}/numbers"
    script = f"i=0; while :; do echo $i; i=$((i + 1)); sleep 0.1; done | while read n; do echo $n; done | cat >{numbers}"
    pid = start("/bin/busybox", "sh", "-c", script)

    def lines():
        return open(numbers).read().split() if os.path.exists(numbers) else []

    wait_until(lambda: len(lines()) > 3, "the pipeline")

    def counts_on(root, was):
        send(root, signal.SIGCONT)
        wait_until(lambda: len(lines()) > len(was) + 5, "more numbers")
        check(lines() == [str(n) for n in range(len(lines()))], "a number is lost:", lines())

    stop(pid)
    root = there_and_back("shell pipeline", pid, lines, counts_on)
    kill_tree(root)


CONTAINER = """
mount -o make-rprivate / && cd /ct && mount -t proc none proc && pivot_root . old && umount -l /old || exit
exec /bin/setsid /bin/busybox sh -c '
	(i=0; while :; do i=$((i + 1)); echo $i >>/numbers; sleep 0.1; done) &
	wait' </dev/null >/log 2>&1
"""


def test_container():
    """a container-like tree in its own pid and mount namespaces"""
    subprocess.run("mkdir -p /ct && mount -t tmpfs none /ct && mkdir -p /ct/bin /ct/dev /ct/old /ct/proc && cp /bin/busybox /ct/bin && "
                   "for a in sh mount umount pivot_root setsid sleep; do ln -s busybox /ct/bin/$a; done && "
                   "mknod -m 666 /ct/dev/null c 1 3", shell=True, check=True)
    start("/bin/busybox", "unshare", "-p", "-m", "-f", "/bin/busybox", "sh", "-c", CONTAINER)

    def numbers():
        return open("/ct/numbers").read().split() if os.path.exists("/ct/numbers") else []

    wait_until(lambda: len(numbers()) > 3, "the container")
    [pid] = [int(p) for p in os.listdir("/proc") if p.isdigit() and re.search(r"NSpid:\t\d+\t1\n", status_of(p))]

    def counts_on(root, was):
        send(root, signal.SIGCONT)
        wait_until(lambda: len(numbers()) > len(was) + 5, "more numbers")
        check(numbers() == [str(n + 1) for n in range(len(numbers()))], "the container has lost count:", numbers())
        check(os.readlink(f"/proc/{root}/ns/pid") != os.readlink("/proc/self/ns/pid"), "no pid namespace of its own")

    stop(pid)
    root = there_and_back("container", pid, numbers, counts_on, level=-1, options=("--root", "/ct"))
    kill_tree(root)


def status_of(pid):
    with contextlib.suppress(OSError):
        return open(f"/proc/{pid}/status").read()
    return ""


# What people report, and what filters do

def hold(pid):
    holder = subprocess.Popen(["/bin/with_pids", str(pid), "--", "/bin/busybox", "sleep", "1000"], stdin=subprocess.DEVNULL)
    wait_until(lambda: holder.poll() is not None or os.path.exists(f"/proc/{pid}"), "the holder")
    check(holder.poll() is None, "no process can hold pid", pid)
    return holder


def test_taken():
    """a pid is taken: CRIU says so, nothing is left, and the next try works"""
    pid = start_pytree(threads=0)
    was, state = identities(pid), ask_pytree(pid)
    images = dump(pid, "taken")
    taken = max(was)
    holder = hold(taken)
    done, log = restore(images, preload=PRELOAD)
    check(not done, "it was restored beside the holder of pid", taken)
    check(re.search(f"Can't fork for {taken}: File exists", log), "CRIU does not say that it exists:", errors(log))
    check(library_counts(log)[1] == 1, "the library counts", library_counts(log))
    wait_until(lambda: {p for p in members(os.getpid()) if alive(p)} == {os.getpid(), holder.pid, taken},
               "what was half restored to be gone")
    os.kill(taken, signal.SIGKILL)
    holder.wait()
    wait_until(lambda: not alive(taken), "the holder's end")
    with Trace() as trace:
        done, log = restore(images, preload=PRELOAD)
    check(done, "the second try fails:", errors(log))
    check(set(was) <= set(trace.children("clone_with_pids")), "not all come from the call")
    root = restored_pid(images)
    check(identities(root) == was, "another tree came back")
    goes_on(root, state)
    kill_tree(root)


# What CRIU says of a pid that it cannot have: after a fork that gave another one, or when the call fails.
TAKEN = r"Pid \d+ do not match expected|Can't fork for \d+: File exists"


@contextlib.contextmanager
def other_forks():
    """Somebody who forks all the time, with pids far from those of the tree: unless a restore moves the cursor."""
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write("100000")
    forker = subprocess.Popen(["/bin/busybox", "sh", "-c", "while :; do (:); done"])
    try:
        yield
    finally:
        forker.kill()
        forker.wait()


def restores_beside_forks(images, was, tries, **how):
    """How many of so many restores fail for a pid, and which calls created the others: (lost, [pids that each restored])"""
    lost, created = 0, []
    for _ in range(tries):
        with Trace() as trace:
            done, log = restore(images, **how)
        created.append(trace.children("clone_with_pids"))
        if done:
            root = restored_pid(images)
            check(identities(root) == was, "another tree came back")
            kill_tree(root)
        else:
            check(re.search(TAKEN, log), "it fails for another reason:", errors(log))
            lost += 1
        wait_until(lambda: not any(alive(p) for p in was), "the restored tree to be gone")
    return lost, created


def under_filter(flags):
    """The errors of clone3(), clone() and clone_with_pids() with these flags, under the filter, as names; the calls are invalid."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        confine()
        libc = ctypes.CDLL(None, use_errno=True)
        too_long = (ctypes.c_uint * 1)(0xffffffff)
        for call in ((435, 0, 0), (56, flags | 0x80000000 | 0x1000 | 0x10000, 0, 0, 0, 0), (499, flags, 0, 0, 0, 0, ctypes.addressof(too_long))):
            libc.syscall(*map(ctypes.c_long, call))
            os.write(writer, (errno.errorcode[ctypes.get_errno()] + " ").encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writer)
    with os.fdopen(reader) as file:
        return file.read().split()


def test_filter():
    """under a container manager's filter, beside other forks: through the call always, through ns_last_pid not"""
    check(under_filter(0) == ["ENOSYS", "EINVAL", "EINVAL"], "the filter makes of valid flags:", under_filter(0))
    check(under_filter(0x20000000) == ["ENOSYS", "EPERM", "EPERM"], "the filter makes of CLONE_NEWPID:", under_filter(0x20000000))
    pid = start_pytree(threads=0)
    was = identities(pid)
    images = dump(pid, "filter")
    with Trace() as trace:
        done, log = restore(images, before=confine)
    check(done, "plain CRIU, nobody else forks:", errors(log))
    check(set(was) <= set(trace.children("clone")), "plain CRIU did not fall back to clone() and ns_last_pid")
    kill_tree(restored_pid(images))
    with other_forks():
        lost_call, created = restores_beside_forks(images, was, TRIES, preload=PRELOAD, before=confine)
    with other_forks():
        lost_plain, _ = restores_beside_forks(images, was, TRIES, before=confine)
    print(f"# under the filter, beside another forking process, {TRIES} restores of {len(was)} processes each: "
          f"{lost_call} lost a pid through clone_with_pids(), {lost_plain} through ns_last_pid")
    check(lost_call == 0, "the call lost a pid")
    check(all(set(was) <= set(pids) for pids in created), "not all came from the call:", created)
    check(lost_plain > 0, "ns_last_pid lost none: this proves nothing")


def test_threads_of_restart():
    """threads, which CRIU creates by itself, through our own restart under the filter"""
    program = start("/bin/threads", "red", "green")
    wait_until(lambda: len(os.listdir(f"/proc/{program}/task")) > 1, "the threads")
    was = identities(program)
    with open(f"{WORK}/record", "w") as file:
        subprocess.run(["/bin/checkpoint", str(program)], stdout=file, check=True)
    kill_tree(program)
    with Trace() as trace, other_forks():
        restart = subprocess.Popen(["/bin/restart", f"{WORK}/record"], preexec_fn=confine, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(f"/proc/{program}/task") and
                   len(os.listdir(f"/proc/{program}/task")) == len(was[program]["threads"]), "the restarted threads")
        tids = {int(t) for t in was[program]["threads"]}
        wait_until(lambda: tids <= set(trace.children("clone_with_pids")), "threads that come from the call")
        now = identities(program)
    check(now[program]["threads"] == was[program]["threads"], "other threads came back:", now, was)
    restart.send_signal(signal.SIGINT)
    restart.wait()


TESTS = (test_library, test_python_tree, test_redis, test_pipeline, test_container, test_taken, test_filter, test_threads_of_restart)


def main():
    os.environ["PATH"] = "/bin:/usr/bin:/usr/sbin"
    subprocess.run(["/bin/busybox", "--install", "-s", "/bin"], stderr=subprocess.DEVNULL)
    os.makedirs(WORK, exist_ok=True)
    with open("/proc/sys/kernel/pid_max", "w") as file:
        file.write("4194304")   # no fork comes around to the pids of the trees
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)     # PR_SET_CHILD_SUBREAPER: what is restored is a child of this process
    names = sys.argv[1:]
    tests = [t for t in TESTS if not names or t.__name__[5:] in names]
    print("TAP version 13", f"1..{len(tests)}", sep="\n", flush=True)
    failed = 0
    for n, test in enumerate(tests, 1):
        began = time.monotonic()
        try:
            test()
            print(f"ok {n} {test.__name__[5:]}: {test.__doc__}", end="")
        except Exception as error:      # any error of a test is its failure, and the next one is run
            failed += 1
            for pid in set(members(os.getpid())) - {os.getpid()}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for line in (str(error) if isinstance(error, Failure) else traceback.format_exc()).splitlines():
                print("#", line)
            print(f"not ok {n} {test.__name__[5:]}: {test.__doc__}", end="")
        print(f" # {time.monotonic() - began:.0f} s", flush=True)
    row = "# {:15} {:>9} {:>7}  {:40} {:40} {:>15} {:>6}".format
    print(row("application", "processes", "threads", "pids before", "pids after", "clone_with_pids", "clone3"))
    for line in table:
        print(row(*line))
    print(f"{len(tests) - failed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
