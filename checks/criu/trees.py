# SPDX-License-Identifier: GPL-2.0
"""Trees of processes: start, end, dump and restore them with CRIU, and say who is in them."""
import contextlib
import os
import shutil
import signal
import subprocess
import time

from kernel import members, threads_of

WORK = "/tmp/criu"


class Failure(Exception):
    pass


def check(truth, *what):
    if not truth:
        raise Failure(" ".join(map(str, what)))


def wait_until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, "waited in vain:", what)
        time.sleep(0.02)


def start(*command):
    """A process that leads its session and has no terminal, as a daemon does."""
    pid = os.fork()
    if pid == 0:
        os.chdir("/")
        os.setsid()
        null, log = os.open("/dev/null", os.O_RDONLY), os.open(f"{WORK}/app.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for fd, to in ((null, 0), (log, 1), (log, 2)):
            os.dup2(fd, to)
        os.closerange(3, 100)
        os.execv(command[0], command)
    return pid


def send(pid, sig):
    """Send a signal to all of a tree; its pids."""
    pids = list(members(pid))
    for p in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(p, sig)
    return pids


def stop(pid):
    """Stop a tree, which comes back stopped: pids of programs that a shell runs one after the other change by themselves."""
    def stopped():
        send(pid, signal.SIGSTOP)
        return all(state(p) in "TZ" for p in members(pid))

    def state(p):
        with open(f"/proc/{p}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]

    wait_until(stopped, "the tree to stop")


def kill_tree(pid):
    """Kill a tree, and collect it: this process is the subreaper of all."""
    pids = send(pid, signal.SIGKILL)
    wait_until(lambda: not any(alive(p) for p in pids), f"the end of {pids}")


def alive(pid):
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return os.path.exists(f"/proc/{pid}")


def remove(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def criu(action, images, *options, preload=None, before=None):
    """(did it succeed, what it and its log say)"""
    remove("/run/criu.kdat")    # what it knows of the kernel: a filter, or the library, changes that
    env = dict(os.environ, **({"LD_PRELOAD": preload} if preload else {}))
    log = f"{action}.log"
    remove(f"{images}/{log}")
    ran = subprocess.run(["/usr/sbin/criu", action, "-D", images, "-o", log, "-v4", *options], env=env, preexec_fn=before,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                         close_fds=True)
    with contextlib.suppress(FileNotFoundError):
        return ran.returncode == 0, ran.stdout + open(f"{images}/{log}", errors="replace").read()
    return ran.returncode == 0, ran.stdout


def errors(log):
    return "\n" + "\n".join(["#   " + line for line in log.splitlines() if "Error" in line or "preload" in line][:12] or
                            ["#   " + line for line in log.splitlines()[-12:]])


def dump(pid, name, *options):
    images, tree = f"{WORK}/{name}", list(members(pid))
    shutil.rmtree(images, ignore_errors=True)
    os.makedirs(images)
    done, log = criu("dump", images, "-t", str(pid), *options)
    check(done, "criu dump:", errors(log))
    wait_until(lambda: not any(alive(p) for p in tree), "the dumped tree to be gone")
    return images


def restore(images, *options, **how):
    remove(f"{images}/pid")
    return criu("restore", images, "-d", "--pidfile", "pid", *options, **how)


def restored_pid(images):
    with open(f"{images}/pid") as file:
        return int(file.read())


def identity(pid, level=0):
    """What a process has that must come back, by its numbers in one pid namespace: 0 is this one, -1 the process's own."""
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines())
    ids = {key: status[key].split()[level] for key in ("NSpid", "NSpgid", "NSsid")}
    ids["zombie"] = status["State"].startswith("Z")
    ids["threads"] = sorted(threads_of(pid, level))
    return ids


def identities(pid, level=0):
    """By pid: who a tree's members are, and whose children. The root's parent is not restored."""
    tree = members(pid)
    who = {p: identity(p, level) for p in tree}
    found = {}
    for p, parent in tree.items():
        found[int(who[p]["NSpid"])] = dict(who[p], parent=who[parent]["NSpid"] if parent in who and p != pid else None)
    return found
