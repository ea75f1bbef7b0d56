// SPDX-License-Identifier: GPL-2.0
/* Operations as text: printed, and read again. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../kselftest.h"
#include "fuzz_op.h"

static const char *const op_names[] = {
	[CALL] = "call", [CLONE3] = "clone3", [FORK] = "fork",
	[EXIT] = "exit", [LEAVE] = "leave", [REAP] = "reap",
	[UNSHARE] = "unshare", [SETNS] = "setns", [OPEN] = "open",
	[CAPS] = "caps", [SETSID] = "setsid", [SETPGID] = "setpgid", [LAST_PID] = "last_pid",
	[PID_MAX_IS] = "pid_max", [CHECK] = "check",
};

const struct opt_name opt_names[NR_OPTS] = {
	{ THREAD, "thread" }, { LONE_THREAD, "lone_thread" },
	{ PARENT, "parent" }, { NEWPID, "newpid" }, { NEWUSER, "newuser" },
	{ PIDFD, "pidfd" }, { BAD_PIDFD, "bad_pidfd" }, { QUIET, "quiet" },
	{ WIDE, "wide" },
	{ ZOMBIE, "zombie" }, { REAPED, "reaped" },
	{ NO_FD, "no_fd" }, { CGROUP_FULL, "cgroup_full" },
	{ CHILDREN, "children" }, { OPENED, "opened" },
};

static const char *const caps_names[] = {
	[CAPS_NONE] = "none", [CAPS_ADMIN] = "admin",
	[CAPS_RESTORE] = "restore", [CAPS_ALL] = "all",
};

/* [1,2,p3]: the pids; [1,2]!1: only 1 can be read; []*99: there are 99. */
static void print_set(FILE *f, const struct op *op)
{
	int i, nr = op->num > MAX_ENTRIES ? 0 : op->num;

	if (op->null) {
		fputs(" null", f);
		return;
	}
	fputs(" [", f);
	for (i = 0; i < nr; i++)
		fprintf(f, "%s%s%d", i ? "," : "",
			op->entry[i].is_task ? "p" : "", op->entry[i].nr);
	fputc(']', f);
	if (nr != op->num)
		fprintf(f, "*%u", op->num);
	if (op->readable != nr)
		fprintf(f, "!%d", op->readable);
}

void print_op(FILE *f, const struct op *op)
{
	int i;

	if (op->type < PID_MAX_IS)
		fprintf(f, "p%d ", op->task);
	fputs(op_names[op->type], f);
	if (makes_child(op) || op->type == REAP || op->type == SETNS ||
	    op->type == OPEN)
		fprintf(f, " p%d", op->target);
	for (i = 0; i < ARRAY_SIZE(opt_names); i++)
		if (op->opts & opt_names[i].opt)
			fprintf(f, " %s", opt_names[i].text);
	if (op->type == CAPS)
		fprintf(f, " %s", caps_names[op->value]);
	if (op->type == LAST_PID || op->type == PID_MAX_IS)
		fprintf(f, " %d", op->value);
	if (op->type == CALL || op->type == CLONE3)
		print_set(f, op);
}

const char *text_of(const struct op *op)
{
	static char text[1024];
	FILE *f = fmemopen(text, sizeof(text), "w");

	print_op(f, op);
	fclose(f);
	return text;
}

static bool parse_set(char *p, struct op *op)
{
	struct entry *e;

	if (*p != '[')
		return false;
	op->null = false;
	for (p++; *p != ']'; op->num++) {
		if (op->num == MAX_ENTRIES)
			return false;
		e = &op->entry[op->num];
		e->is_task = *p == 'p';
		e->nr = strtol(p + e->is_task, &p, 10);
		if (*p == ',')
			p++;
		else if (*p != ']')
			return false;
	}
	op->readable = op->num;
	if (*++p == '*')
		op->num = strtoul(p + 1, &p, 10);
	if (*p == '!')
		op->readable = strtol(p + 1, &p, 10);
	return !*p && op->readable >= -1 && op->readable <= MAX_ENTRIES;
}

static bool parse_word(char *word, struct op *op)
{
	int i;

	if (word[0] == 'p' && isdigit(word[1])) {
		op->target = atoi(word + 1);
		return op->target < MAX_TASKS;
	}
	if (isdigit(word[0]) || word[0] == '-') {
		op->value = atoi(word);
		return op->type != PID_MAX_IS ||
		       (op->value > RESERVED && op->value <= PID_LIMIT);
	}
	for (i = 0; i < ARRAY_SIZE(opt_names); i++) {
		if (!strcmp(word, opt_names[i].text)) {
			op->opts |= opt_names[i].opt;
			return true;
		}
	}
	for (i = 0; i < ARRAY_SIZE(caps_names); i++) {
		if (caps_names[i] && !strcmp(word, caps_names[i])) {
			op->value = i;
			return true;
		}
	}
	return !strcmp(word, "null") || parse_set(word, op);
}

bool parse_op(char *text, struct op *op)
{
	char *word = strtok(text, " \t");

	*op = (struct op){ .null = true };
	if (word[0] == 'p' && isdigit(word[1])) {
		op->task = atoi(word + 1);
		word = strtok(NULL, " \t");
	}
	while (word && strcmp(word, op_names[op->type]))
		if (++op->type == ARRAY_SIZE(op_names))
			return false;
	if (!word || op->task >= MAX_TASKS)
		return false;
	while ((word = strtok(NULL, " \t")))
		if (!parse_word(word, op))
			return false;
	return true;
}
