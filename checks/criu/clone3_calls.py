# SPDX-License-Identifier: GPL-2.0
"""Call clone3() in many ways through the C library's syscall(), and print what comes of each: the same with the library and without."""
import ctypes
import errno
import mmap
import os
import signal
import struct

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
CLONE3 = 435
PIDFD, PARENT, PARENT_SETTID, NEWPID = 0x1000, 0x8000, 0x100000, 0x20000000
NEWTIME, DETACHED, CLEAR_SIGHAND = 0x80, 0x400000, 0x100000000
BAD = 1         # no page is there


def clone3(flags=0, set_tid=(), pointer=None, num=None, exit_signal=signal.SIGCHLD, size=88, args=None, stack_size=0, edge=0):
    """What the child is, or the error."""
    tids = (ctypes.c_int * max(len(set_tid), 1))(*set_tid)
    tid, pidfd = ctypes.c_int(-1), ctypes.c_int(-1)
    if edge:
        pointer = at_the_end_of_a_page(edge)
    elif pointer is None:
        pointer = ctypes.addressof(tids) if set_tid else 0
    fields = ctypes.create_string_buffer(struct.pack(
        "11Q", flags, ctypes.addressof(pidfd), 0, ctypes.addressof(tid), exit_signal, 0, stack_size, 0, pointer,
        len(set_tid) if num is None else num, 0).ljust(max(size, 88), b"\0"))
    reader, writer = os.pipe()
    pid = libc.syscall(ctypes.c_long(CLONE3), ctypes.c_void_p(args or ctypes.addressof(fields)), ctypes.c_size_t(size))
    if pid == 0:
        nspid = next(line for line in open("/proc/self/status") if line.startswith("NSpid")).split()[1:]
        os.write(writer, " ".join(nspid).encode())
        os._exit(3)
    os.close(writer)
    if pid < 0:
        said = errno.errorcode[ctypes.get_errno()]
    else:
        seen = os.read(reader, 99).decode()
        chosen = pid in set_tid
        said = f"{pid if chosen else 'any pid'}: {seen if chosen else ''} tid {tid.value == pid} pidfd {pidfd.value >= 0}"
        try:
            said += f" exit {os.waitpid(pid, 0x40000000)[1]}"   # __WALL
        except ChildProcessError:
            said += " not ours"
    os.close(reader)
    return said


def in_new_namespace(function):
    """Run FUNCTION in the init of a new pid namespace."""
    pid = os.fork()
    if pid == 0:
        if libc.unshare(NEWPID):
            os._exit(1)
        init = os.fork()
        if init == 0:
            function()
            os._exit(0)
        os._exit(os.waitpid(init, 0)[1] != 0)
    if os.waitpid(pid, 0)[1]:
        raise SystemExit("a process in another pid namespace failed")


def at_the_end_of_a_page(size):
    """The address of so many bytes, before a page that cannot be read. They are pids."""
    pages = mmap.mmap(-1, 2 * mmap.PAGESIZE)
    pages.write(struct.pack("i", 4711) * (mmap.PAGESIZE // 4))
    address = ctypes.addressof(ctypes.c_char.from_buffer(pages)) + mmap.PAGESIZE
    libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE), 0)
    keep.append(pages)
    return address - size


keep = []


def report(*calls):
    for call in calls:
        print(call, "->", clone3(**call), flush=True)


signal.signal(64, signal.SIG_IGN)    # an exit signal below
in_new_namespace(lambda: report(
    dict(set_tid=(31, 4711)), dict(set_tid=(31, 1)), dict(set_tid=(1, 4711)), dict(set_tid=(1, 31, 4711)),
    dict(set_tid=(1, 31, 4711), flags=NEWPID), dict(set_tid=(2, 31, 4711), flags=NEWPID),
))
report(
    dict(set_tid=(4711,)), dict(set_tid=(1,)), dict(set_tid=(0,)), dict(set_tid=(-1,)), dict(set_tid=(4711, 0)),
    dict(set_tid=(1 << 30,)), dict(set_tid=(4711, 4711)), dict(set_tid=(9,) * 33),
    dict(set_tid=(1, 4712), flags=NEWPID), dict(set_tid=(2, 4712), flags=NEWPID), dict(set_tid=(1,), flags=NEWPID),
    dict(pointer=2**64 - 1), dict(pointer=BAD, num=1), dict(num=1), dict(args=BAD), dict(size=64), dict(size=72, set_tid=(4711,)),
    dict(size=80, set_tid=(4711,)), dict(size=96, set_tid=(4711,)), dict(size=63), dict(size=5000),
    dict(set_tid=(4711,), exit_signal=0), dict(set_tid=(4711,), exit_signal=300),
    dict(set_tid=(4711,), exit_signal=64), dict(set_tid=(4711,), exit_signal=65), dict(set_tid=(4711,), exit_signal=255),
    dict(set_tid=(4711,), stack_size=4096), dict(edge=4, num=1), dict(edge=4, num=2),
    dict(set_tid=(4711,), flags=PARENT_SETTID), dict(set_tid=(4711,), flags=PIDFD), dict(set_tid=(4711,), flags=PIDFD | PARENT_SETTID),
    dict(set_tid=(4711,), flags=CLEAR_SIGHAND), dict(set_tid=(4711,), flags=NEWTIME), dict(set_tid=(4711,), flags=DETACHED),
    dict(set_tid=(4711,), flags=1), dict(set_tid=(4711,), flags=PARENT), dict(),
    dict(set_tid=(4713,), flags=PARENT, exit_signal=0),     # its zombie is another's: the last
)
