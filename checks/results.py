#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Read what the harness and kunit.py print (nested TAP and their last lines), for the checks.

usage: results.py count [RUNS] < LOG    the sum of all runs, as one line: "N passed, N failed[, N skipped]". At least RUNS must be there.
       results.py first-failure < LOG   what failed first: a case of a program, or what boot.sh sees besides
       results.py cases < LOG           each result of the kernel's own selftests, in lines: program, case, outcome
"""
import re
import sys


def count(lines, runs=1):
    """A run that is missing, or ended before its tests did, is a failure; so is having nothing that passed."""
    passed = failed = skipped = found = 0
    for line in lines:
        if m := re.match(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", line):
            found += 1
            passed, failed, skipped = (a + int(b or 0) for a, b in zip((passed, failed, skipped), m.groups()))
        elif "Testing complete. Ran" in line:
            found += 1
            n = {name: int(number) for name, number in re.findall(r"(\w+): (\d+)", line)}
            passed += n.get("passed", 0)
            failed += n.get("failed", 0) + n.get("crashed", 0) + n.get("errors", 0)
            skipped += n.get("skipped", 0)
    if not failed and (found < runs or not passed):
        failed = 1
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def first_failure(lines):
    program = ""
    for line in lines:
        if line.startswith("# selftests: clone_with_pids: "):
            program = line.split()[-1]
        elif re.match(r"# \S+: TIMEOUT$", line):
            return f"{program}: TIMEOUT"
        elif line.startswith("# not ok "):
            return f"{program}: " + re.sub(r"^# not ok \d+ (# )?", "", line)
        elif line.startswith("not ok "):
            return re.sub(r"^not ok \d+ selftests: clone_with_pids: ", "", line)
        elif line.startswith("# boot.sh: the kernel reports trouble"):
            return "a report in the kernel log"
        elif line.startswith("# boot.sh: the machine ended before"):
            return "a panic"
        elif line.startswith("# leak: "):
            return "the leak check"
    return ""


def cases(lines):
    program, number, left = "", 0, []
    for line in lines:
        # Times, addresses and pids differ from run to run.
        line = re.sub(r"\d+ ?usec.*", "TIME", line)
        line = re.sub(r"0x[0-9a-f]{5,}", "ADDRESS", line)
        line = re.sub(r"NR = \d+", "NR", line).replace("\t", " ")
        outcome = "skip" if " # SKIP" in line else "not ok" if re.match(r"(# )?not", line) else "ok"
        if line.startswith("# selftests: clone_with_pids: "):
            program, number = line.split()[-1], 0
        elif m := re.match(r"# (?:not )?ok (\d+.*)", line):
            yield program, m[1], outcome
        elif m := re.match(r"# \[(OK|FAIL|SKIP)\] *(.*)", line):    # those of x86 have a format of their own
            number += 1
            yield program, f"{number} {m[2]}", {"OK": "ok", "FAIL": "not ok", "SKIP": "skip"}[m[1]]
        elif re.match(r"(not )?ok \d+ selftests", line):
            why = re.search(r".* # (.*)", line) if outcome == "not ok" else None
            yield program, "as a whole", outcome + (f": {why[1]}" if why else "")
        elif m := re.match(r"# (\S+): the kernel reports: ", line):
            yield m[1], "the kernel reports trouble", "not ok"
        elif re.match(r"# boot.sh: (not ended|the machine|QEMU|PID 1)", line):
            yield "(the machine)", line, "not ok"
        elif re.match(r"# leak: .* slab cache pid", line):
            words = line.split()
            left.append(f"{int(words[2]) - int(words[8])} pid" if words[7] == "pid," else f"{words[2]} {words[7]}")
    yield "(the machine)", "struct pid and pid_namespace left over", " ".join(left) or "none"


def main():
    lines = (line.rstrip("\r\n") for line in sys.stdin.buffer.read().decode(errors="replace").split("\n"))
    match sys.argv[1:]:
        case ["count", *runs]:
            print(count(lines, *map(int, runs)))
        case ["first-failure"]:
            print(first_failure(lines))
        case ["cases"]:
            for row in cases(lines):
                print(*row, sep="\t")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
