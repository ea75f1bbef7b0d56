#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare results of programs on the unpatched and on the patched kernel.

usage: compare.py differing FOLDER   the programs of which a result differs
       compare.py report FOLDER      a table of all, each result that is not the same, and stress-ng's rates

FOLDER has files before.N and after.N of runs on either kernel: program, case, outcome, between tabs. A result that varies from
run to run on the unpatched kernel, and about as much on the patched one, is flaky. What varies on the patched one only, differs.
The exit status of a report is 1 if anything differs, or a load of stress-ng did nothing.
"""
import re
import statistics
import sys
from collections import Counter, defaultdict
from pathlib import Path

KERNELS = ("before", "after")
NONE = "-"      # the program ran, and did not report this case


class Runs:
    def __init__(self, folder):
        self.ran = {kernel: Counter() for kernel in KERNELS}
        self.said = {kernel: Counter() for kernel in KERNELS}       # of (program, case, outcome)
        self.reported = {kernel: Counter() for kernel in KERNELS}   # of (program, case)
        self.outcomes = defaultdict(list)
        for path in sorted(folder.iterdir()):
            if not (m := re.fullmatch(r"(before|after)\.(stress)?\d+", path.name)):
                continue
            rows = list(dict.fromkeys(tuple(line.split("\t")) for line in path.read_text().splitlines()))
            self.ran[m[1]].update({row[0] for row in rows})
            self.said[m[1]].update(rows)
            self.reported[m[1]].update({row[:2] for row in rows})
            for row in rows:
                if row[2] not in self.outcomes[row[:2]]:
                    self.outcomes[row[:2]].append(row[2])
        self.unsteady = {key[0] for counts in (self.said["before"], self.reported["before"])
                         for key, n in counts.items() if n < self.ran["before"][key[0]]}

    def times(self, kernel, case, outcome):
        if outcome == NONE:
            return self.ran[kernel][case[0]] - self.reported[kernel][case]
        return self.said[kernel][*case, outcome]

    def verdict(self, case):
        before, after = (self.ran[kernel][case[0]] for kernel in KERNELS)
        if not before or not after:
            return "differs"
        verdict = "same"
        for outcome in (*self.outcomes[case], NONE):
            b, a = (self.times(kernel, case, outcome) for kernel in KERNELS)
            if (a and not b and case[0] not in self.unsteady) or a / after - b / before > 0.5:
                return "differs"
            if a / after != b / before:
                verdict = "flaky"
        return verdict

    def told(self, kernel, case):
        counts = [(outcome, self.times(kernel, case, outcome)) for outcome in (*self.outcomes[case], NONE)]
        return ", ".join(f"{outcome} {n}x" for outcome, n in counts if n) or "not run"


def folder_of(program):
    return program.rpartition(".")[0] or program


def table(runs, verdicts):
    rows = defaultdict(Counter)
    for program in {case[0] for case in verdicts}:
        rows[folder_of(program)]["programs"] += 1
    for case, verdict in verdicts.items():
        row = rows[folder_of(case[0])]
        row["results"] += 1
        row[verdict] += 1
        row["skipped"] += any(o.startswith("skip") and runs.times("before", case, o) for o in runs.outcomes[case])
    columns = ("programs", "results", "skipped", "flaky", "differs")
    print(f"{'selftests':24}" + "".join(f"{name:>10}" for name in columns))
    for name, row in sorted(rows.items()):
        print(f"{name:24}" + "".join(f"{row[column]:10}" for column in columns) +
              ("  (skipped as a whole: says nothing)" if row["skipped"] == row["results"] else ""))


def rates(folder, loads):
    """Prints what stress-ng gets done, and returns the loads that did nothing, which would say nothing."""
    found = {kernel: defaultdict(list) for kernel in KERNELS}
    for path in folder.glob("*.rates"):
        for line in path.read_text().splitlines():
            load, rate = line.split("\t")
            found[path.name.split(".")[0]][load].append(float(rate))
    print(f"\n{'stress-ng, bogo ops/s':24}" + "".join(f"{f'{kernel}: median (min-max)':>30}" for kernel in KERNELS))
    for load in loads:
        cells = (found[kernel][load] or [0] for kernel in KERNELS)
        print(f"{load:24}" + "".join(f"{f'{statistics.median(c):.0f} ({min(c):.0f}-{max(c):.0f})':>30}" for c in cells))
    return [load for load in loads if not all(found[kernel][load] and min(found[kernel][load]) > 0 for kernel in KERNELS)]


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("differing", "report"):
        sys.exit(__doc__)
    folder = Path(sys.argv[2])
    runs = Runs(folder)
    verdicts = {case: runs.verdict(case) for case in runs.outcomes}
    if sys.argv[1] == "differing":
        print(*sorted({case[0] for case, verdict in verdicts.items() if verdict == "differs"}), sep="\n")
        return 0
    table(runs, verdicts)
    for case, verdict in sorted(verdicts.items()):
        if verdict != "same":
            print(f"{verdict}: {case[0]}: {case[1]}\n  before: {runs.told('before', case)}\n  after:  {runs.told('after', case)}")
    idle = rates(folder, sorted(case[0].partition(".")[2] for case in verdicts if case[0].startswith("stress-ng.")))
    for load in idle:
        print(f"stress-ng.{load} did nothing: it says nothing")
    differ = sum(verdict == "differs" for verdict in verdicts.values())
    print(f"{len(verdicts)} results compared, {differ} differ")
    return 1 if differ or idle else 0


if __name__ == "__main__":
    sys.exit(main())
