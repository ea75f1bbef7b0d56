#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What a reviewer's tools say: shellcheck and mandoc here, checkpatch, kernel-doc and sparse on the series. The document, the man page
# and the kernel-doc name the same errors and the same prototype, and the man page's example compiles.
. "$(dirname "$0")/../assemble/common.sh"
need_tree

"$top/assemble/deps.sh" shellcheck sparse mandoc

cd "$top"
say shellcheck
mapfile -t shell < <(git ls-files -co --exclude-standard | xargs -d '\n' grep -lE '^#!.*\b(ba)?sh$')
shellcheck -S warning "${shell[@]}"

# Not asked: what needs mainline's history to judge; MAINTAINERS in each commit; and what pid.h's neighbours (extern) and
# kselftest_harness.h's macros (braces, spaces) do otherwise.
ignore=UNKNOWN_COMMIT_ID,FILE_PATH_CHANGES,AVOID_EXTERNS,BRACES,SPACING,PREFER_DEFINED_ATTRIBUTE_MACRO
# Nor, of programs and scripts, what only the kernel has or forbids, macros that declare things, which are no statements, user_desc's
# spelling of "useable", "enum order order", and messages of several lines.
programs=MULTISTATEMENT_MACRO_USE_DO_WHILE,ENOSYS,ARCH_DEFINES,USE_NEGATIVE_ERRNO,EMBEDDED_FUNCTION_NAME,ARRAY_SIZE,MACRO_ARG_REUSE,LONG_LINE,TYPO_SPELLING,REPEATED_WORD,SPLIT_STRING
cd "$linux"
say "man page"
mandoc -T lint -W warning "$top/man/clone_with_pids.2"
"$top/checks/errnos.py" Documentation/clone-with-pids "$top/man/clone_with_pids.2" kernel/clone_with_pids.c \
	include/linux/syscalls.h include/uapi/linux/clone_with_pids.h kernel/pid.c
make -s --no-print-directory -C "$harness" headers KSRC="$linux" O="$x86_64" >/dev/null
sed -n '/^\.\\" SRC BEGIN/,/^\.\\" SRC END/{/^\./d;s/^\\&//;s/\\-/-/g;s/\\e/\\/g;p}' "$top/man/clone_with_pids.2" |
	gcc -Wall -Wextra -Werror -fsyntax-only -isystem "$x86_64/usr/include" -x c -

say checkpatch
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for commit in $(git rev-list --reverse base..HEAD); do
	git diff --quiet "$commit^" "$commit" -- tools samples && more= || more=,$programs
	git format-patch -1 --stdout "$commit" |
		scripts/checkpatch.pl --strict --terse --no-summary --ignore "$ignore$more" - 2>/dev/null |
		sed "s/^/$(git log -1 --format=%f "$commit" | cut -c1-30): /" >>"$log" || true
done
if grep -E 'ERROR|WARNING|CHECK' "$log"; then
	die "checkpatch objects (see above)"
fi

say kernel-doc
scripts/kernel-doc -Werror -none kernel/pid.c kernel/clone_with_pids.c include/uapi/linux/clone_with_pids.h

say "sparse and W=1"
o=$build/style
mkdir -p "$o"
printf 'CONFIG_%s=y\n' EXPERT 64BIT SMP NAMESPACES PID_NS PROC_FS CHECKPOINT_RESTORE >"$o/wanted.config"
make -s O="$o" KCONFIG_ALLCONFIG="$o/wanted.config" allnoconfig
rm -f "$o"/kernel/{pid,clone_with_pids}.o
# Of pid.c, what gcc says; sparse has always had much to say about it.
make -s O="$o" W=1 kernel/pid.o 2>&1 | tee "$o/log"
make -s O="$o" W=1 C=1 kernel/clone_with_pids.o 2>&1 | tee -a "$o/log"
! grep -qE 'warning:|error:' "$o/log" || die "see above"
