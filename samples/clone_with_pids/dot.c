// SPDX-License-Identifier: GPL-2.0
/*
 * A process tree as a graph, for dot of graphviz: pid namespaces are boxes, the
 * colour of a process is that of its session, and that of its frame is that of
 * its process group. White and black: led from outside.
 */
#include <err.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "pidtree.h"

/* Neighbours on the colour wheel go to numbers far from each other. */
static void colour(FILE *out, int i, const char *attribute, double strength, double light)
{
	double hue = i * 0.381966;

	fprintf(out, "%s=\"%.3f %.2f %.2f\"", attribute, hue - (int)hue, strength, light);
}

/* Groups and sessions get their colours in the order in which they appear. */
static int ordinal(struct map *map, const struct ids *ids)
{
	map_add(map, ids->nr[0], map->num);
	return map_find(map, ids->nr[0]);
}

static void escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else
			fputc(*text, out);
	}
}

static void draw_role(FILE *out, const char *what, const struct ids *ids, const struct task *task)
{
	if (ids->nr[0] == task->pid.nr[0])
		fprintf(out, "<br/><font point-size=\"9\">leads its %s</font>", what);
	else if (ids->nr[0])
		fprintf(out, "<br/><font point-size=\"9\">%s %s</font>", what, ids_text(ids, '/'));
	else
		fprintf(out, "<br/><font point-size=\"9\">%s from outside</font>", what);
}

static void draw_process(FILE *out, const struct tree *tree, int i)
{
	static struct map groups, sessions;
	const struct task *task = &tree->task[i], *thread;

	fprintf(out, "p%d [label=<<b>", i);
	escaped(out, printable(task->comm));
	fprintf(out, "</b><br/>%s", ids_text(&task->pid, '/'));
	draw_role(out, "session", &task->sid, task);
	draw_role(out, "group", &task->pgid, task);
	for (thread = task + 1; thread < tree->task + tree->num && thread->kind == THREAD;
	     thread++) {
		fprintf(out, "<br/><font point-size=\"10\">thread %s {",
			ids_text(&thread->pid, '/'));
		escaped(out, printable(thread->comm));
		fputs("}</font>", out);
	}
	if (task->kind == ZOMBIE && thread > task + 1)
		fputs("<br/><i>its first thread has ended</i>", out);
	else if (task->kind == ZOMBIE && task->status < 0)
		fputs("<br/><i>zombie</i>", out);
	else if (task->kind == ZOMBIE && WIFSIGNALED(task->status))
		fprintf(out, "<br/><i>zombie, killed by signal %d</i>", WTERMSIG(task->status));
	else if (task->kind == ZOMBIE)
		fprintf(out, "<br/><i>zombie, exit status %d</i>", WEXITSTATUS(task->status));
	if (task->stopped)
		fputs("<br/><i>stopped</i>", out);
	if (task->subreaper)
		fputs("<br/><i>subreaper</i>", out);
	fputs(">", out);
	if (task->sid.nr[0]) {
		fputc(' ', out);
		colour(out, ordinal(&sessions, &task->sid), "fillcolor", 0.22, 1);
	}
	if (task->pgid.nr[0]) {
		fputc(' ', out);
		colour(out, ordinal(&groups, &task->pgid), "color", 0.9, 0.7);
	}
	if (task->kind == ZOMBIE && thread == task + 1)
		fputs(" style=\"filled,rounded,dashed\" fontcolor=gray40", out);
	fputs("]\n", out);
}

/* The box of a pid namespace, with those of its children in it. */
static void draw_namespace(FILE *out, const struct tree *tree, const int *older, int num, int ns)
{
	const struct task *task;
	int i;

	fprintf(out, "subgraph cluster_%d {\nlabel=\"pid namespace %d\"\n", ns, ns);
	for (i = 0; i < tree->num; i++) {
		task = &tree->task[i];
		if (task->ns == ns && task->kind != THREAD)
			draw_process(out, tree, i);
	}
	for (i = 0; i < num; i++)
		if (older[i] == ns)
			draw_namespace(out, tree, older, num, i);
	fputs("}\n", out);
}

void draw_graph(FILE *out, const struct tree *tree)
{
	const struct task *task;
	int *older, num = 0, i;

	/* In which namespace another one is; -1: it is not known, or in none. */
	older = malloc(tree->num * sizeof(*older));
	if (!older)
		err(EXIT_FAILURE, "%d tasks", tree->num);
	for (task = tree->task; task < tree->task + tree->num; task++) {
		if (task->ns == num)
			older[num++] = -1;
		if (is_init(task) && task->parent >= 0)
			older[task->ns] = tree->task[task->parent].ns;
	}

	fputs("digraph pidtree {\n"
	      "node [shape=box style=\"filled,rounded\" fillcolor=white penwidth=2.5 fontname=Helvetica]\n"
	      "graph [style=rounded color=gray50 fontname=Helvetica labeljust=l]\n"
	      "edge [color=gray40]\n", out);
	for (i = 0; i < num; i++)
		if (older[i] < 0)
			draw_namespace(out, tree, older, num, i);
	for (i = 0; i < tree->num; i++) {
		task = &tree->task[i];
		if (task->kind != THREAD && task->parent >= 0)
			fprintf(out, "p%d -> p%d\n", task->parent, i);
	}
	fputs("}\n", out);
	free(older);
}
