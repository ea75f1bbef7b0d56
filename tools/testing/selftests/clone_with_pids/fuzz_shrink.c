// SPDX-License-Identifier: GPL-2.0
/* Looks for a shorter sequence that shows a disagreement, too. */
#include <stdio.h>
#include <string.h>

#include "../kselftest.h"
#include "fuzz_drive.h"
#include "util.h"

#define SHRINK_SECONDS	30

static struct op shrunk[MAX_OPS], trial[MAX_OPS];
static int nr_shrunk;
static long long deadline;

static bool try_ops(int nr)
{
	if (now_ms() > deadline || run_ops(trial, &nr))
		return false;
	nr_shrunk = nr;
	memcpy(shrunk, trial, nr_shrunk * sizeof(*trial));
	return true;
}

static bool drop_ops(void)
{
	bool dropped = false;
	int chunk, from, rest;

	for (chunk = (nr_shrunk + 1) / 2; chunk; chunk /= 2) {
		for (from = 0; from < nr_shrunk;) {
			rest = nr_shrunk - from - chunk;
			if (rest < 0)
				rest = 0;
			memcpy(trial, shrunk, from * sizeof(*trial));
			memcpy(trial + from, shrunk + nr_shrunk - rest,
			       rest * sizeof(*trial));
			if (try_ops(from + rest))
				dropped = true;
			else
				from += chunk;
		}
	}
	return dropped;
}

static void simplify_ops(void)
{
	int i, j;

	for (i = 0; i < nr_shrunk; i++) {
		for (j = 0; j < ARRAY_SIZE(opt_names); j++) {
			memcpy(trial, shrunk, nr_shrunk * sizeof(*trial));
			trial[i].opts &= ~opt_names[j].opt;
			if (makes_child(&trial[i]) &&
			    trial[i].opts != shrunk[i].opts)
				try_ops(nr_shrunk);
		}
		for (j = 0; j < shrunk[i].num && j < MAX_ENTRIES; j++) {
			memcpy(trial, shrunk, nr_shrunk * sizeof(*trial));
			trial[i].entry[j] = (struct entry){};
			if (shrunk[i].entry[j].nr || shrunk[i].entry[j].is_task)
				try_ops(nr_shrunk);
		}
	}
}

void shrink(const struct op *ops, int nr)
{
	int i;

	patience = LESS_PATIENCE;
	deadline = now_ms() + SHRINK_SECONDS * 1000LL;
	memcpy(trial, ops, nr * sizeof(*trial));
	if (!try_ops(nr)) {
		ksft_print_msg("it does not happen again in a new round\n");
		return;
	}
	do {
		while (drop_ops())
			;
		simplify_ops();
	} while (drop_ops());
	ksft_print_msg("%d operations are enough. Replay them with: fuzz_test -v -r '%s",
		       nr_shrunk, nr_shrunk ? text_of(&shrunk[0]) : "");
	for (i = 1; i < nr_shrunk; i++)
		printf("; %s", text_of(&shrunk[i]));
	printf("'\n");
}
