// SPDX-License-Identifier: GPL-2.0
/*
 * Who holds a pid.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "pidtree.h"

/* Finds the namespace @older steps up from the one that children are born in. */
void find_place(struct place *place, unsigned int older)
{
	struct status self;
	bool empty;
	unsigned int depth = newborn_depth(&empty);

	place->index = -1;
	place->ino = 0;
	if (read_status(&self, "/proc/thread-self"))
		return;
	place->index = (int)(self.pid.num - 1 + depth) - (int)older;
	if (older >= depth)
		place->ino = ns_ino("/proc/self/ns/pid", older - depth);
	else if (!empty)
		place->ino = ns_ino("/proc/self/ns/pid_for_children", older);
	/* Nobody may climb above his own namespace, but /proc may show it. */
	if (!place->ino && !place->index)
		place->ino = ns_ino("/proc/1/ns/pid", 0);
}

#define PF_EXITING	0x4	/* in the flags of /proc/PID/stat */

static const char *parent_text(const struct status *st)
{
	static char text[40];

	if (!st->ppid)
		return "outside of this pid namespace";
	snprintf(text, sizeof(text), "process %d", st->ppid);
	return text;
}

struct waiting {
	FILE *out;
	const struct status *init;
	unsigned long ino;
};

static void see_awaited(const struct status *st, void *arg)
{
	struct waiting *w = arg;
	char path[32];

	if (st->tgid == w->init->tgid || st->pid.num < w->init->pid.num)
		return;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", st->tgid);
	if (ns_ino(path, st->pid.num - w->init->pid.num) != w->ino)
		return;
	fprintf(w->out, "    process %d (%s)", st->tgid, printable(st->comm));
	if (is_dead(st))
		fprintf(w->out, ", a zombie, until its parent, %s, waits for it", parent_text(st));
	fputc('\n', w->out);
}

/*
 * Whom the first process of a pid namespace waits for while it ends: all others
 * in there have been killed, but it is the last to go. Lines of text, to be
 * freed; NULL when it is no such process, or not ending.
 */
char *init_awaits(const struct status *init)
{
	struct waiting w = { .init = init };
	unsigned long flags;
	char path[32], *text = NULL;
	size_t len;
	int code;

	if (ids_last(&init->pid) != 1 || is_dead(init) ||
	    read_stat(init->tgid, &flags, &code) || !(flags & PF_EXITING))
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", init->tgid);
	w.ino = ns_ino(path, 0);
	w.out = open_memstream(&text, &len);
	if (!w.out)
		return NULL;
	each_process(see_awaited, &w);
	/* The kernel keeps the number of a group until its last member has gone. */
	if (ids_last(&init->pgid) > 1)
		fprintf(w.out, "    its own process group, %d, whose leader has gone: for ever\n",
			ids_last(&init->pgid));
	fclose(w.out);
	if (len)
		return text;
	free(text);
	return NULL;
}

struct search {
	FILE *out;		/* the holders go here */
	const struct place *place;
	pid_t pid;
	bool found;
	int members;		/* of the group or session of that number */
	struct status member;
};

bool in_place(const struct status *st, const struct place *place)
{
	char path[32];

	if (place->index < 0 || place->index >= (int)st->pid.num)
		return false;
	if (!place->index)
		return true;	/* all that /proc shows have an id there */
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", st->tgid);
	return place->ino && ns_ino(path, st->pid.num - 1 - place->index) == place->ino;
}

static void see_thread(const struct status *st, void *arg)
{
	struct search *search = arg;
	FILE *out = search->out;
	int i = search->place->index;
	char *awaited;

	if (i >= (int)st->pid.num || st->pid.nr[i] != search->pid)
		return;
	if (st->pid.nr[0] != st->tgid)
		fprintf(out, "    by a thread (%s) of process %d", printable(st->comm), st->tgid);
	else if (is_dead(st))
		fprintf(out, "    by a zombie (%s), until its parent, %s, waits for it",
			printable(st->comm), parent_text(st));
	else if (st->state == 'Z')
		fprintf(out, "    by a process (%s) that lives on without its first thread",
			printable(st->comm));
	else
		fprintf(out, "    by a process (%s, state %c)", printable(st->comm), st->state);
	if (i)
		fprintf(out, "; it is %d in this /proc", st->pid.nr[0]);
	fputc('\n', out);
	awaited = init_awaits(st);
	if (awaited)
		fprintf(out, "    which is ending, and waits for\n%s", awaited);
	free(awaited);
	search->found = true;
}

static void see_process(const struct status *st, void *arg)
{
	struct search *search = arg;
	int i = search->place->index;

	if (!in_place(st, search->place))
		return;
	each_thread(st->tgid, see_thread, search);
	if (st->pgid.nr[i] == search->pid || st->sid.nr[i] == search->pid) {
		search->members++;
		search->member = *st;
	}
}

/*
 * Who holds @pid there: lines of text, to be freed, or NULL when nobody is seen
 * to hold it.
 */
char *pid_holders(pid_t pid, const struct place *place)
{
	struct search search = { .place = place, .pid = pid };
	int i = place->index;
	char *text = NULL;
	size_t len;

	search.out = open_memstream(&text, &len);
	if (!search.out)
		return NULL;
	each_process(see_process, &search);
	if (!search.found && search.members) {
		const char *what = "process group and session";

		if (search.member.pgid.nr[i] != pid)
			what = "session";
		else if (search.member.sid.nr[i] != pid)
			what = "process group";
		fprintf(search.out, "    by a %s whose leader has gone; still in it: %d (%s)",
			what, search.member.pid.nr[i],
			printable(search.member.comm));
		if (search.members > 1)
			fprintf(search.out, " and %d more", search.members - 1);
		fputc('\n', search.out);
	}
	fclose(search.out);
	if (len)
		return text;
	free(text);
	return NULL;
}
