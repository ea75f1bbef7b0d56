// SPDX-License-Identifier: GPL-2.0
/*
 * A table of what number stands where, so that large trees take no longer than
 * they have to.
 */
#include <err.h>
#include <stdlib.h>

#include "pidtree.h"

/* The entry of @key, or the free one where it belongs. */
static struct map_entry *entry_of(const struct map *map, unsigned long long key)
{
	unsigned int i = (key * 0x9e3779b97f4a7c15ULL) >> 32;

	for (;; i++) {
		struct map_entry *entry = &map->entry[i & (map->size - 1)];

		if (!entry->used || entry->key == key)
			return entry;
	}
}

/* What was put there, or -1. */
int map_find(const struct map *map, unsigned long long key)
{
	const struct map_entry *entry;

	if (!map->size)
		return -1;
	entry = entry_of(map, key);
	return entry->used ? entry->value : -1;
}

/* Puts @value there, unless there is another already. */
void map_add(struct map *map, unsigned long long key, int value)
{
	struct map_entry *entry;

	/* The size is a power of two, and no more than half of it in use. */
	if (2 * map->num >= map->size) {
		struct map larger = { .size = map->size ? 2 * map->size : 64, .num = map->num };
		unsigned int i;

		larger.entry = calloc(larger.size, sizeof(*larger.entry));
		if (!larger.entry)
			err(EXIT_FAILURE, "%u numbers", map->num);
		for (i = 0; i < map->size; i++)
			if (map->entry[i].used)
				*entry_of(&larger, map->entry[i].key) = map->entry[i];
		free(map->entry);
		*map = larger;
	}
	entry = entry_of(map, key);
	if (!entry->used) {
		*entry = (struct map_entry){ .key = key, .value = value, .used = true };
		map->num++;
	}
}

void map_clear(struct map *map)
{
	free(map->entry);
	*map = (struct map){};
}
