# SPDX-License-Identifier: GPL-2.0
"""An application: a tree of processes that count, with pipes, a session of its own, and a zombie.

usage: pytree.py DIR [THREADS]: one process has so many threads besides.
Each process writes "TOKEN COUNT MORE" to DIR/NAME when SIGUSR1 comes. The token is random, and in memory only.
"""
import os
import signal
import sys
import threading
import time

folder, threads = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
TICK = 0.05


def member(name, work, more=lambda: ""):
    """Count, and do WORK with each number, for ever."""
    token, count = os.urandom(8).hex(), 0

    def report(*_):
        with open(f"{folder}/{name}.new", "w") as file:
            file.write(f"{token} {count} {more()}")
        os.rename(file.name, f"{folder}/{name}")

    signal.signal(signal.SIGUSR1, report)
    while True:
        work(count)
        count += 1


def tick(_):
    time.sleep(TICK)


def write(n):
    os.write(to, b"%d\n" % n)
    time.sleep(TICK)


def read(n):
    line = source.readline()
    if int(line) != n:
        os._exit(1)     # a number was lost in the pipe


counts = [0] * threads


def thread(i):
    while True:
        counts[i] += 1
        time.sleep(TICK)


def with_threads():
    for i in range(threads):
        threading.Thread(target=thread, args=(i,), daemon=True).start()
    member("threads", tick, lambda: " ".join(map(str, counts)))


def status_of_zombie():
    _, status = os.waitpid(zombie, 0)
    return os.waitstatus_to_exitcode(status)


out, to = os.pipe()
source = os.fdopen(out)
if os.fork() == 0:
    member("reader", read)
source.close()

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setpgid(0, 0)
        member("follower", tick)
    member("leader", tick)

if threads and os.fork() == 0:
    with_threads()

zombie = os.fork()
if zombie == 0:
    os._exit(7)

# The head collects the zombie when it is told to; until then there is one.
status = [None]
signal.signal(signal.SIGUSR2, lambda *_: status.__setitem__(0, status_of_zombie()))
member("head", write, lambda: status[0])
