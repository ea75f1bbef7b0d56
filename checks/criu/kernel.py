# SPDX-License-Identifier: GPL-2.0
"""What guest.py asks of the kernel: who is there, which calls created them, and a seccomp filter."""
import contextlib
import ctypes
import os
import re
import struct
import subprocess

TRACING = "/sys/kernel/tracing"
CALLS = ("clone_with_pids", "clone3", "clone", "fork", "vfork")


def members(root):
    """{pid: parent} of a process and all its descendants, zombies included"""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
            parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
    tree = {root: parents[root]} if root in parents else {}
    more = True
    while more:
        more = {pid: parent for pid, parent in parents.items() if parent in tree and pid not in tree}
        tree.update(more)
    return tree


def threads_of(pid, level):
    """The tids of a process at this index of NSpid."""
    tids = set()
    for tid in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{tid}/status") as file:
            tids.add(int(re.search(r"NSpid:\t(.*)", file.read())[1].split()[level]))
    return tids


class Trace:
    """The kernel's own account of the calls that create tasks, while in the with block."""

    def __enter__(self):
        if not os.path.isdir(f"{TRACING}/events"):
            subprocess.run(["/bin/busybox", "mount", "-t", "tracefs", "none", TRACING], check=True)
        self._write("buffer_size_kb", "4096")
        self._write("trace", "")
        self._enable("1")
        return self

    def __exit__(self, *_):
        self._enable("0")

    def children(self, call):
        """The pids, in the oldest namespace, of all tasks for which this call returned 0: the children."""
        for cpu in range(os.cpu_count()):
            with open(f"{TRACING}/per_cpu/cpu{cpu}/stats") as file:
                if "overrun: 0\n" not in file.read():
                    raise OverflowError("the trace is not complete")
        with open(f"{TRACING}/trace") as file:
            return [int(m[1]) for m in re.finditer(rf"-(\d+) +\[\d+\].* sys_{call} -> 0x0\n", file.read())]

    @staticmethod
    def _write(name, text):
        with open(f"{TRACING}/{name}", "w") as file:
            file.write(text)

    def _enable(self, yes):
        for call in CALLS:
            self._write(f"events/syscalls/sys_exit_{call}/enable", yes)


NAMESPACES = 0x7e020000         # CLONE_NEW*, as clone() has them


def confine():
    """Install the kind of filter that container managers use: clone3() says ENOSYS, and clone() is judged by its flags, as is
    clone_with_pids()."""
    def instruction(code, k, true=0, false=0):
        return struct.pack("HBBI", code, true, false, k)

    load, equal, any_of, ret = 0x20, 0x15, 0x45, 0x06
    allow, fail = 0x7fff0000, 0x00050000
    nr, args0 = 0, 16
    program = b"".join((
        instruction(load, nr),
        instruction(equal, 435, true=3),                # clone3
        instruction(equal, 56, true=3),                 # clone
        instruction(equal, 499, true=2),                # clone_with_pids
        instruction(ret, allow),
        instruction(ret, fail | 38),                    # ENOSYS
        instruction(load, args0),
        instruction(any_of, NAMESPACES, false=1),
        instruction(ret, fail | 1),                     # EPERM
        instruction(ret, allow),
    ))
    code = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    if ctypes.CDLL(None, use_errno=True).prctl(22, 2, fprog, 0, 0):      # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")
