#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Judge what programs and the kernel said in a machine of boot.sh.

usage: verdict.py count [LOG]            the cases of nested TAP, in one line
       verdict.py total LOG...           the sum of the last lines of boot.sh's LOGs
       verdict.py pattern BZIMAGE        the lines of a kernel's log that fail a run
       verdict.py tests PROGRAMS SKIPS DIR CONSOLE < TAP
       verdict.py command DIR CONSOLE < OUTPUT

"tests" and "command" print their input as it comes, and read in DIR, which
machine.sh has filled, how the machine ended, and the pattern. PROGRAMS is how
many were to run; SKIPS is "allow" or "fail".
"""
import os
import re
import sys

SUITE = "selftests: clone_with_pids: "

# These are for Python, and for regcomp() in init.c.
TROUBLE = [
    "(^|[^A-Za-z0-9_])BUG( |: ?([^ K]|K[^C]))",     # lockups, KASAN, slab, ...
    "WARNING:",                                     # WARN_ON, lockdep, RCU usage
    "INFO: (task|trying|lockdep|rcu)",
    "Oops", "Kernel panic", "Call Trace:",
    "UBSAN:", "detected( expedited)? stalls?", "kthread starved",
    "unable to handle", "corruption", "Bad page", "refcount_t:",
    "suspected memory leak",
]
RACE = "BUG: KCSAN: .* in "


def trouble_pattern(bzimage):
    """A data race fails the run if it is in a function that "make kernel" has
    listed beside the kernel: those of the pid allocator and of its trees. Other
    races are only counted. Without a list, every race fails the run."""
    race = RACE
    try:
        with open(bzimage + ".functions") as f:
            functions = f.read().replace(".", r"\.").split()
    except FileNotFoundError:
        functions = []
    if functions:
        race += "(.* / )?(" + "|".join(functions) + ")([^A-Za-z0-9_.]|$)"
    return "|".join(TROUBLE + [race])


class Count:
    """The cases that programs report, and the results of programs."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.plan = ""          # how many programs the machine was told to run
        self.results = 0        # programs that have ended
        self.running = ""
        self.start("")

    def start(self, program):
        self.running = program
        self.program_failed = self.program_skipped = 0

    def line(self, line):
        if line.startswith("# " + SUITE):
            self.start(line[len("# " + SUITE):])
        elif line.startswith("# ok ") and " # SKIP" in line:
            self.skipped += 1
            self.program_skipped += 1
        elif line.startswith("# ok "):
            self.passed += 1
        elif line.startswith("# not ok "):
            self.failed += 1
            self.program_failed += 1
        elif line.startswith("ok "):
            self.end(failed=False, skipped=line.endswith(" # SKIP"))
        elif line.startswith("not ok "):
            self.end(failed=True)
        elif line.startswith("1.."):
            self.plan = line[len("1.."):]

    def end(self, failed, skipped=False):
        """A program that failed or was skipped counts by itself only where none
        of its cases did."""
        self.results += 1
        self.running = ""
        self.failed += failed and not self.program_failed
        self.skipped += skipped and not self.program_skipped

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def lines_of(stream):
    """A kernel that crashes may write anything."""
    for line in stream:
        yield line.decode(errors="replace").rstrip("\r\n")


def read_log(console):
    with open(console, "rb") as f:
        return list(lines_of(f))


def complain(text):
    print(f"# boot.sh: {text}")


def quote(lines):
    for line in lines:
        print("#  ", line)


def read_word(path):
    try:
        with open(path, errors="replace") as f:
            return f.read().strip()
    except FileNotFoundError:
        return ""


class Machine:
    """How the machine ended. Prints what is wrong with it."""

    def __init__(self, directory, console, running):
        self.verdict = read_word(os.path.join(directory, "verdict"))
        self.end = read_word(os.path.join(directory, "end"))
        self.trouble = ""
        self.reported = False           # by the kernel
        was_running = f"; {running} was running" if running else ""
        log = read_log(console)

        if self.end == "hung":
            self.trouble = "the machine hung"
            if running:
                complain(f"{running} was running")
        elif self.end != "stopped":
            if self.end != "status 0":
                self.trouble = f"QEMU ended with {self.end}"
            elif not self.verdict:
                self.trouble = "the machine ended before its time" + was_running
            if self.trouble:
                complain(self.trouble)
            self.look_for_trouble(log, os.path.join(directory, "pattern"))
        races = sum(1 for line in log if re.search(RACE, line))
        if races:
            complain(f"{races} data races, those of other code included: see the log")

    def look_for_trouble(self, log, pattern_file):
        pattern = re.compile(read_word(pattern_file))
        for nr, line in enumerate(log):
            if pattern.search(line):
                self.trouble = "the kernel reports trouble"
                self.reported = True
                complain(f"{self.trouble}, from line {nr + 1} of its log on:")
                quote(log[nr:nr + 60])
                return
        if self.trouble:
            complain("the end of the kernel's log:")
            quote(log[-30:])


def judge_tests(programs, skips, directory, console):
    count = Count()
    for line in lines_of(sys.stdin.buffer):
        print(line, flush=True)
        count.line(line)
    running = count.running
    if running:
        count.end(failed=True)
    machine = Machine(directory, console, running)
    trouble = machine.trouble
    count.failed += machine.reported

    missing = programs - count.results
    if machine.end == "stopped":
        complain(f"ended at the first failure; {missing} programs have not been run")
        print(count)
        return False
    if count.plan != str(programs):
        complain(f"the plan is '1..{count.plan}', but {programs} programs were given")
        trouble = "another plan"
    if missing > 0:
        complain(f"{missing} programs have not been run")
        count.failed += missing
    if skips == "fail" and count.skipped:
        complain(f"{count.skipped} skipped, and -S says that nothing may be")
        count.failed += count.skipped
        count.skipped = 0
    elif not count.passed and not count.failed:
        trouble = trouble or "nothing passed: no test could be run"
    if machine.verdict == "leaked":
        count.failed += 1
    elif machine.verdict != "passed":
        trouble = trouble or f"PID 1 says '{machine.verdict}'"
    if trouble and not count.failed:
        complain(trouble)
        count.failed = 1
    print(count)
    return not count.failed


def judge_command(directory, console):
    """The exit status of the command, or 125 if the machine failed."""
    for line in lines_of(sys.stdin.buffer):
        print(line, flush=True)
    machine = Machine(directory, console, "")
    status = re.fullmatch(r"exit (\d+)", machine.verdict)
    return 125 if machine.trouble or not status else int(status[1])


def total(logs):
    """A run without a log, or without a last line in it, has failed."""
    count = Count()
    for log in logs:
        last = (read_log(log) or [""])[-1] if os.path.exists(log) else ""
        found = re.fullmatch(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", last)
        passed, failed, skipped = found.groups("0") if found else (0, 1, 0)
        count.passed += int(passed)
        count.failed += int(failed)
        count.skipped += int(skipped)
    print(count)
    return not count.failed


def main(args):
    match args:
        case ["count", *log] if len(log) <= 1:
            count = Count()
            for line in lines_of(open(log[0], "rb") if log else sys.stdin.buffer):
                count.line(line)
            print(count)
            return 0 if count.passed and not count.failed else 1
        case ["total", *logs] if logs:
            return 0 if total(logs) else 1
        case ["pattern", bzimage]:
            print(trouble_pattern(bzimage))
            return 0
        case ["tests", programs, "allow" | "fail" as skips, directory, console]:
            return 0 if judge_tests(int(programs), skips, directory, console) else 1
        case ["command", directory, console]:
            return judge_command(directory, console)
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
