#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make of what checks/bench.sh has measured tables, CSV files, and a judgement of each goal.

usage: report.py FOLDER DOCUMENT: FOLDER has {base,patched}-{cost,hold}.raw as bench.c prints it, and {base,patched}.size.
The exit status is 1 if DOCUMENT, Documentation/clone-with-pids, promises shorter holds of pidmap_lock than were measured.
"""
import csv
import os
import re
import sys
from pathlib import Path

KERNELS = ("base", "patched")
LEVELS = (1, 2, 4, 8, 16, 32, 33)
LIVE = (10, 1000, 30000, 100000)
TREES = {
    "dense": "with a live neighbour beside each number, in the same idr node",
    "sparse": "each number alone in its idr node, which is made and freed with it",
    "worst": "the largest numbers, each in an empty corner of its idr: up to 6 nodes a level are made and freed with it",
}
# How an operation is called in the tables, and how it is done on the unpatched and on the patched kernel.
OPERATIONS = {
    "clone": ("clone()", "clone", "clone"),
    "chosen": ("all levels chosen", "clone3_chosen", "clone_with_pids_chosen"),
    "busy_oldest": ("busy at oldest", "clone3_busy_oldest", "clone_with_pids_busy_oldest"),
    "busy_middle": ("busy in the middle", "clone3_busy_middle", "clone_with_pids_busy_middle"),
    "busy_youngest": ("busy at youngest", "clone3_busy_youngest", "clone_with_pids_busy_youngest"),
    "clone_past_all": ("clone(), search past all live pids", "clone_past_all", "clone_past_all"),
    "clone3_chosen": ("clone3() on both, all levels chosen", "clone3_chosen", "clone3_chosen"),
}
COLUMNS = ("clone", "chosen", "busy_oldest", "busy_youngest")
HEAD = ("levels", "clone(): base -> ours", "all levels chosen (clone3 -> clone_with_pids)", "busy at oldest",
        "busy at youngest")
GROWING = (*COLUMNS, "clone_past_all")

NOISE = 0.005
FLAT = 0.05
MOST_CHOSEN = 1.05
MOST_REFUSED = 3500
MOST_TEXT = 1.6 * 1024


class Results:
    """median(): of one operation on one kernel, None where it cannot be done."""

    def __init__(self, folder):
        self.rows = []
        for kernel in KERNELS:
            for raw in (f"{kernel}-cost.raw", f"{kernel}-hold.raw"):
                for line in (folder / raw).read_text().splitlines():
                    fields = line.split(",")
                    if len(fields) != 8 or not all(f.isdigit() for f in fields[1:3] + fields[5:]):
                        sys.exit(f"report: {folder / raw}: this is no result: {line}")
                    self.rows.append([kernel, fields[0], int(fields[1]), int(fields[2]), *fields[3:5],
                                      *map(int, fields[5:])])
        self.medians = {tuple(row[:6]): row[6] for row in self.rows}
        if len(self.medians) != len(self.rows):
            sys.exit(f"report: {folder}: something was measured twice")

    def median(self, kernel, part, live, levels, operation, what):
        name = OPERATIONS[operation][1 + KERNELS.index(kernel)]
        return self.medians.get((kernel, part, live, levels, name, what))

    def pair(self, *key):
        return tuple(self.median(kernel, *key) for kernel in KERNELS)


def ratio(pair):
    return pair[1] / pair[0] if pair[0] and pair[1] is not None else None


def cell(pair):
    if pair == (None, None):
        return ""
    text = " -> ".join("-" if value is None else str(value) for value in pair)
    return text + (f" ({ratio(pair):.3f})" if ratio(pair) else "")


def table(head, rows):
    rows = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def levels_of(results, part, what):
    return [n for n in LEVELS if results.median("patched", part, 0, n, "clone", what) is not None]


def cost_tables(results):
    for tree, title in TREES.items():
        yield f"A call's struct pid, {tree} tree: {title}"
        yield from table(HEAD,
                         [(n, *(cell(results.pair(tree, 0, n, op, "cost")) for op in COLUMNS))
                          for n in levels_of(results, tree, "cost")])
        yield ""
    checks = [(n, results.median("patched", "dense", 0, n, "clone", "dead")) for n in (1, 32, 33)]
    yield ("Beside that, our pid_ns_is_dead() takes " + ", ".join(f"{dead} at {n}" for n, dead in checks) +
           " levels, where base has a test of the youngest level only.")
    yield ""


def hold_tables(results):
    for tree in ("dense", "worst"):
        for what, title in (("longest", "the longest time"), ("sum", "the sum for a call")):
            yield f"pidmap_lock held, {title}, {tree} tree"
            yield from table((*HEAD, "free_pid()"),
                             [(n, *(cell(results.pair(tree, 0, n, op, f"alloc_{what}")) for op in COLUMNS),
                               cell(results.pair(tree, 0, n, "clone", f"free_{what}")))
                              for n in levels_of(results, tree, f"alloc_{what}")])
            yield ""


def growth(results, kernel, operation):
    """The costs with more and more live pids, and by what factor the largest exceeds the least."""
    depth, = {row[3] for row in results.rows if row[1] == "growth"}
    costs = [results.median(kernel, "growth", live, depth, operation, "cost") for live in LIVE]
    if None in costs:
        sys.exit(f"report: {kernel}: growth, {operation}: not all was measured")
    return costs, max(costs) / min(costs)


def growth_table(results):
    depth, = {row[3] for row in results.rows if row[1] == "growth"}
    yield f"Growth with the number of live pids, {depth} levels; the numbers given, and so the height of the tree, stay the same"
    rows = []
    for operation in GROWING:
        for kernel in KERNELS:
            costs, factor = growth(results, kernel, operation)
            rows.append((OPERATIONS[operation][0], "ours" if kernel == "patched" else kernel, *costs,
                         f"{factor:.3f}" + (" NOT FLAT" if factor > 1 + FLAT else "")))
    yield from table(("operation", "kernel", *(f"{live:,}" for live in LIVE), "most / least"), rows)
    yield ""


def text_sizes(folder):
    """{object: (before, after)}, of 0 where there is none."""
    sizes = {}
    for index, kernel in enumerate(KERNELS):
        for text, name in re.findall(r"^\s*(\d+)\s.*\s(\S+\.o)$", (folder / f"{kernel}.size").read_text(), re.M):
            sizes.setdefault(name, [0, 0])[index] = int(text)
    return sizes


def size_table(sizes):
    yield "Text, in bytes (size)"
    total = [sum(column) for column in zip(*sizes.values())]
    yield from table(("object", "base", "ours", "difference"),
                     [(name, *pair, f"{pair[1] - pair[0]:+}") for name, pair in (*sizes.items(), ("all", total))])
    yield ""


def goals(results, sizes):
    """(is it met, what it is)"""
    def ratios(operation):
        found = {n: ratio(results.pair("dense", 0, n, operation, "cost")) for n in LEVELS}
        return {n: r for n, r in found.items() if r}

    def told(found):
        return ", ".join(f"{n}: {r:.3f}" for n, r in found.items())

    clone, chosen = ratios("clone"), ratios("chosen")
    yield all(r <= 1 + NOISE for r in clone.values()), f"clone() costs no more than on base, at each depth ({told(clone)})"
    yield (all(r <= MOST_CHOSEN for r in chosen.values()),
           f"all levels chosen cost at most {MOST_CHOSEN} of base's clone3() ({told(chosen)})")

    refused = {op: results.median("patched", "dense", 0, 32, op, "cost")
               for op in ("busy_oldest", "busy_middle", "busy_youngest")}
    yield (all(cost <= MOST_REFUSED for cost in refused.values()),
           f"a refused call at 32 levels costs at most {MOST_REFUSED}"
           f" ({', '.join(f'{OPERATIONS[op][0]}: {cost}' for op, cost in refused.items())})")

    more = sum(after - before for before, after in sizes.values())
    yield more <= MOST_TEXT, f"the text is at most {MOST_TEXT:.0f} bytes larger ({more:+})"

    steep = {op: [max(costs) - min(costs) for costs in (growth(results, kernel, op)[0] for kernel in KERNELS)]
             for op in GROWING if growth(results, "patched", op)[1] > 1 + FLAT}
    yield (all(ours <= base * (1 + NOISE) for base, ours in steep.values()),
           "cost is flat within 5 % from 10 to 100,000 live pids, or grows as on base" +
           "".join(f" ({OPERATIONS[op][0]}: base {base:+}, ours {ours:+})" for op, (base, ours) in steep.items()))


def statements(results, document):
    """(is it true, what it is) for what the document says of how long pidmap_lock is held."""
    text = " ".join(document.read_text().split())
    said = re.findall(r"at most ([\d,]+) instructions in one namespace and ([\d,]+) in 33 .{1,60}at most ([\d,]+) in 33", text)
    if len(said) != 2:
        sys.exit(f"report: {document} does not say how long pidmap_lock is held, on 6.12 and then on newer kernels")
    for limit, (tree, levels) in zip(said[os.environ.get("BASE", "6.12") != "6.12"], (("dense", 1), ("dense", 33), ("worst", 33))):
        longest = max(results.median("patched", tree, 0, levels, op, "alloc_longest") for op in ("clone", "chosen"))
        if not longest:
            sys.exit(f"report: no hold of pidmap_lock was measured, {tree} tree, levels: {levels}: does hold-time.h know how it is taken?")
        yield (longest <= int(limit.replace(",", "")),
               f"the document: pidmap_lock is held for at most {limit} instructions, {tree} tree, levels: {levels} ({longest})")


def write_csv(path, head, rows):
    with path.open("w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([head, *rows])


def paired_rows(results, parts, depths, lives, whats):
    for part in parts:
        for what in whats:
            for operation in OPERATIONS:
                for live in lives:
                    for n in depths:
                        pair = results.pair(part, live, n, operation, what)
                        if pair != (None, None):
                            share = ratio(pair)
                            yield (part, what, operation, live, n, *("" if v is None else v for v in pair),
                                   f"{share:.4f}" if share else "")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, document = map(Path, sys.argv[1:])
    results = Results(folder)
    sizes = text_sizes(folder)

    write_csv(folder / "all.csv", ("kernel", "tree", "live", "levels", "operation", "what", "median", "min", "max"),
              results.rows)
    head = ("tree", "what", "operation", "live", "levels", "base", "patched", "ratio")
    write_csv(folder / "cost.csv", head, paired_rows(results, TREES, LEVELS, (0,), ("cost", "dead")))
    write_csv(folder / "hold.csv", head, paired_rows(results, TREES, LEVELS, (0,),
              ("alloc_longest", "alloc_sum", "alloc_holds", "free_longest", "free_sum", "free_holds")))
    write_csv(folder / "growth.csv", head, paired_rows(results, ("growth",), LEVELS, LIVE, ("cost",)))
    write_csv(folder / "size.csv", ("object", "base", "patched"), [(name, *pair) for name, pair in sizes.items()])

    lines = ["In instructions, medians; base is the unpatched kernel. In brackets: ours / base.", ""]
    for part in (cost_tables(results), hold_tables(results), growth_table(results), size_table(sizes)):
        lines += part
    lines += [f"{'met    ' if met else 'NOT MET'}  {goal}" for met, goal in goals(results, sizes)]
    stated = list(statements(results, document))
    lines += [f"{'true   ' if true else 'FALSE  '}  {statement}" for true, statement in stated]
    text = "\n".join(lines) + "\n"
    (folder / "table.txt").write_text(text)
    print(text, end="")
    return 0 if all(true for true, _ in stated) else 1


if __name__ == "__main__":
    sys.exit(main())
