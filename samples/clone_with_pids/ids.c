// SPDX-License-Identifier: GPL-2.0
/*
 * Ids as several pid namespaces see them: reading them, and writing them.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "pidtree.h"

/* Reads one number of @len characters. Returns NULL, or what is wrong with it. */
static const char *pid_parse(pid_t *pid, const char *text, size_t len)
{
	unsigned long nr;

	if (!len)
		return "is empty";
	if (*text == '-')
		return "is negative";
	if (strspn(text, "0123456789") != len)
		return "is not a decimal number";
	errno = 0;
	nr = strtoul(text, NULL, 10);
	if (errno || nr > INT_MAX)
		return "is too large for a pid";
	*pid = nr;
	return NULL;
}

/* Reads "0,99,177". Returns NULL, or what is wrong with it. */
const char *ids_parse(struct ids *ids, const char *text)
{
	static char error[128];
	unsigned int num = 1;
	const char *p;

	if (!*text)
		return "the list is empty";

	for (p = text; *p; p++)
		num += *p == ',';
	if (num > MAX_LEVELS) {
		snprintf(error, sizeof(error), "%u entries, but pid namespaces nest only %d deep",
			 num, MAX_LEVELS);
		return error;
	}

	for (ids->num = 0; ids->num < num; text++) {
		size_t len = strcspn(text, ",");
		const char *wrong = pid_parse(&ids->nr[ids->num++], text, len);

		if (wrong) {
			snprintf(error, sizeof(error), "entry %u, \"%.*s\", %s", ids->num,
				 len > 32 ? 32 : (int)len, text, wrong);
			return error;
		}
		text += len;
	}
	return NULL;
}

/* For printing: the text stays valid over the next seven calls. */
const char *ids_text(const struct ids *ids, char sep)
{
	static char text[8][MAX_LEVELS * 11 + 1];
	static int turn;
	char *p = text[turn = (turn + 1) % 8];
	unsigned int i;

	*p = '\0';
	for (i = 0; i < ids->num; i++) {
		if (i)
			*p++ = sep;
		p += sprintf(p, "%d", ids->nr[i]);
	}
	return text[turn];
}

/* The id in the youngest namespace. */
pid_t ids_last(const struct ids *ids)
{
	return ids->nr[ids->num - 1];
}
