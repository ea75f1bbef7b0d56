#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Put lines of ours in their place in a file of the kernel, or take them out again.

usage: insertion.py put FILE INSERTION   print FILE with INSERTION's lines in their place
       insertion.py take BASE FILE       print the lines that FILE has and BASE has not

The place follows from the order that the file itself has:
 - a system call table (*.tbl): behind the line with the next lower number;
 - MAINTAINERS: by title, among the sections whose titles begin with the same two letters, which are in order;
 - any other: before the first line that begins alike ("TARGETS += ") and comes later in the alphabet.
"""
import re
import sys
from pathlib import Path


def place_in_table(lines, ours):
    number = int(ours[0].split()[0])
    lower = [i for i, line in enumerate(lines) if re.match(r"\d", line) and int(line.split()[0]) < number]
    return lower[-1] + 1 if lower else None


def place_in_maintainers(lines, ours):
    alike = False
    for i, line in enumerate(lines):
        if re.match(r"[A-Z0-9](?!:\t)", line) and i and not lines[i - 1].strip():
            if alike and line > ours[0]:
                return i
            alike = line[:2] == ours[0][:2]
    return None


def place_by_alphabet(lines, ours):
    start = ours[0].rpartition(" ")[0] + " "
    return next((i for i, line in enumerate(lines) if line.startswith(start) and line > ours[0]), None)


def put(path, insertion):
    lines, ours = (Path(name).read_text().splitlines(keepends=True) for name in (path, insertion))
    if not ours:
        sys.exit(f"insertion: {insertion} is empty")
    if insertion.endswith("MAINTAINERS"):
        place, ours = place_in_maintainers(lines, ours), ours + ["\n"]
    else:
        place = (place_in_table if insertion.endswith(".tbl") else place_by_alphabet)(lines, ours)
    if place is None:
        sys.exit(f"insertion: {insertion}: found no place for it in the kernel's file")
    return lines[:place] + ours + lines[place:]


def take(base, path):
    old, new = (Path(name).read_text().splitlines(keepends=True) for name in (base, path))
    start = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    end = start + len(new) - len(old)
    if end < start or new[end:] != old[start:]:
        sys.exit(f"insertion: {path} does more than add lines in one place: what else it does belongs in a patch")
    ours = new[start:end]
    # A section's blank line may have been taken for the one before it.
    while ours and not ours[0].strip():
        ours = ours[1:]
    while ours and not ours[-1].strip():
        ours.pop()
    return ours


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("put", "take"):
        sys.exit(__doc__)
    sys.stdout.writelines({"put": put, "take": take}[sys.argv[1]](*sys.argv[2:]))


if __name__ == "__main__":
    main()
