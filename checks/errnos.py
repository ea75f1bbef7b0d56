#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Hold against each other what the document, the man page and the kernel-doc say: which errors, and which prototype.

usage: errnos.py DOCUMENT MAN_PAGE SOURCE [FILE]...

SOURCE is kernel/clone_with_pids.c. A FILE that ends in .h has a prototype or struct pid_set (include/linux/syscalls.h, the
uapi header); one that ends in .c has internal kernel-doc whose errors reach the caller (kernel/pid.c). Prints what is missing
where, one line each; the exit status is 1 if there is any.
"""
import re
import sys
from pathlib import Path

CALL = "clone_with_pids"
# In the document and the man page, but not in the kernel-doc, which says "and what else clone() may return".
NOT_IN_KERNEL_DOC = {"EMFILE", "ENOSPC", "ENOSYS"}
# How clone3() names what is EBUSY here.
INTERNAL = {"EEXIST": "EBUSY"}
# User space is told other types than the kernel uses: those of clone(2), and of the proposal of 2009.
KERNEL_TYPES = {"flags": "unsigned int", "child_stack_base": "unsigned long"}


def found(what, things):
    """A parser that finds nothing must not pass."""
    if not things:
        sys.exit(f"errnos: no {what}")
    return things


def plain(declaration):
    """A declaration with single blanks, none after a *, and without __user."""
    words = " ".join(declaration.replace("__user", " ").split())
    return re.sub(r"\s*\*\s*", " *", words).strip()


def parameter(declaration):
    """(type, name)"""
    return re.fullmatch(r"(.*?)\s*(\w+)", plain(declaration)).groups()


def parameters(text, start):
    """Of the first prototype in @text that begins with @start, or None."""
    match = re.search(start + r"\s*([^()]*)\)\s*;", text)
    return match and [parameter(p) for p in match[1].split(",")]


def shown(params):
    return "(" + ", ".join(" ".join(param).replace("* ", "*") for param in params) + ")"


def pid_set(text):
    """The members of struct pid_set, or None."""
    match = re.search(r"struct pid_set \{(.*?)\};", re.sub(r"__counted_by\(\w+\)", "", text), re.S)
    return match and [plain(member) for member in match[1].split(";") if member.strip()]


def section(text, start, end):
    match = re.search(rf"{start}(.*?){end}", text, re.S | re.M)
    return match[1] if match else ""


def unroff(page):
    """A man page without font macros, as far as prototypes and code need it."""
    lines = []
    for line in page.splitlines():
        if re.match(r"\.(B|I|BI|BR|IR|RI) ", line):
            line = "".join(quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', line)[1:])
        lines.append(line.replace(r"\-", "-"))
    return "\n".join(lines)


def kernel_doc_errors(source, function):
    comment = section(source, rf"^/\*\*\n \* {function}\b", r"^ \*/")
    return set(re.findall(r"^ \* \* %-(E\w+) - ", comment, re.M))


def check_errors(document, page, source, internal):
    said = {
        "document": set(re.findall(r"^\t(E[A-Z0-9]+)\t", section(document, r"^Result\n-+\n", r"^\S"), re.M)),
        "man page": set(re.findall(r"^\.TP\n\.B (E[A-Z0-9]+)$", section(page, r"^\.SH ERRORS\n", r"^\.SH "), re.M)),
        "kernel-doc": kernel_doc_errors(source, f"sys_{CALL}"),
    }
    for where, errors in said.items():
        found(f"errors in the {where}", errors)
    code = re.sub(r"/\*.*?\*/", "", source, flags=re.S)
    said["code"] = set(re.findall(r"return -(E[A-Z0-9]+)", code))
    for name, text in internal.items():
        errors = kernel_doc_errors(text, "alloc_pid") | kernel_doc_errors(text, "assign_pid")
        said[name] = {INTERNAL.get(error, error) for error in found(f"errors in the kernel-doc of {name}", errors)}

    everywhere = set().union(*said.values())
    for where in ("document", "man page", "kernel-doc"):
        wanted = everywhere - (NOT_IN_KERNEL_DOC if where == "kernel-doc" else set())
        for error in sorted(wanted - said[where]):
            others = ", ".join(name for name, errors in said.items() if error in errors)
            yield f"{error} is missing in the {where} (it is in: {others})"
    for error in sorted(NOT_IN_KERNEL_DOC & said["kernel-doc"]):
        yield f"{error} is in the kernel-doc now: drop it from NOT_IN_KERNEL_DOC here"


def check_prototypes(document, page, source, headers):
    told = found("prototype in the document", parameters(document, rf"long {CALL}\("))
    in_page = found("prototype in the man page", parameters(unroff(page), rf"long syscall\(SYS_{CALL},"))
    match = found("SYSCALL_DEFINE6 in the source", re.search(rf"SYSCALL_DEFINE6\({CALL},([^()]*)\)", source))
    macro = match[1].split(",")
    in_code = [parameter(f"{a} {b}") for a, b in zip(macro[::2], macro[1::2])]
    members = found("struct pid_set in the document", pid_set(document))

    if in_page != told:
        yield f"the prototype: the man page has {shown(in_page)}, the document {shown(told)}"
    kernel = [KERNEL_TYPES.get(name, kind) for kind, name in told]
    declared = [("the source", in_code), *((name, parameters(text, rf"sys_{CALL}\(")) for name, text in headers.items())]
    for where, params in declared:
        if params and [kind for kind, _ in params] != kernel:
            yield f"the prototype: {where} has {shown(params)}, the types should be {kernel}"
    described = re.findall(r"^ \* @(\w+):", section(source, rf"^/\*\*\n \* sys_{CALL}\b", r"^ \*/"), re.M)
    if described != [name for _, name in in_code]:
        yield f"the kernel-doc describes {described}, the source has {shown(in_code)}"
    for where, text in [("the man page", unroff(page)), *headers.items()]:
        theirs, user = pid_set(text), parameters(text, rf"long {CALL}\(")
        if where == "the man page":
            found("struct pid_set in the man page", theirs)
        elif not theirs and not user and not parameters(text, rf"sys_{CALL}\("):
            yield f"{where} has neither a prototype nor struct pid_set"
        if theirs and theirs != members:
            yield f"struct pid_set: {where} has {theirs}, the document {members}"
        if user and user != told:
            yield f"the prototype: a comment of {where} has {shown(user)}, the document {shown(told)}"


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    document, page, source = (Path(name).read_text() for name in sys.argv[1:4])
    more = {name: Path(name).read_text() for name in sys.argv[4:]}
    internal = {name: text for name, text in more.items() if name.endswith(".c")}
    headers = {name: re.sub(r"^ \*[ \t]", "", text, flags=re.M) for name, text in more.items() if not name.endswith(".c")}
    wrong = [*check_errors(document, page, source, internal), *check_prototypes(document, page, source, headers)]
    for line in wrong:
        print(f"errnos: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
