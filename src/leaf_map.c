/*-------------------------------------------------------------------------
 *
 * leaf_map.c
 *	  Where in the index of versions a stream's events are.
 *
 * Every append and every fold descends that index: from the root, which all
 * sessions pin, to the leaf page, and at each page compares keys by calls of a
 * function.  So a session keeps copies of the pages just above the leaves, at
 * most MAX_COPIES of them, and finds the leaf page in there.
 *
 * Many sessions on few processors find their copies out of the processors'
 * caches, so what counts is how many places are looked at.  Streams' ids are
 * positions, and mostly spread evenly: a search begins where the key should be.
 *
 * A copy is never wrong, only out of date, or without its first leaf page, which
 * has no key on the page above.  The caller looks at the leaf page that it names,
 * and if the key can't be on it descends, and has the page above copied anew.  A page of the index never goes away while its file is the same,
 * so that the block that a copy names can be read.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/leaf_map.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "leaf_entry.h"
#include "leaf_map.h"
#include "store.h"

/* 10 kB each at most. */
#define MAX_COPIES 64

/* Of so many pages that are asked for once all copies are made, one is copied. */
#define COPY_ONE_OF 8

/* A key of the index: stream_id and version. */
typedef struct MapKey
{
	int64 values[2];
} MapKey;

/* A leaf page, and the first key that may be on it. */
typedef struct MapEntry
{
	MapKey first;
	BlockNumber leaf;
} MapEntry;

/* The leaf pages below one page, and what a search in them begins with. */
typedef struct PageCopy
{
	MapKey first;
	MapKey end; /* the first key beyond them, if there is one */
	bool has_end;
	int nleaves;
	double density; /* leaf pages for each stream_id */
	MapEntry *entries;
} PageCopy;

/*
 * The copies, none of which overlap, by their first keys.  They count as long as
 * nothing of the store changes, the index's file among it.
 */
static struct
{
	MemoryContext context;
	uint64 generation; /* of the store */
	Oid file;
	uint32 nasked; /* pages to be copied */
	int ncopies;
	PageCopy copies[MAX_COPIES];
} map;

/*
 * is_before
 *		Whether a key is before another.
 */
static inline bool
is_before(const MapKey *key, const MapKey *other)
{
	return key->values[0] != other->values[0]
		? key->values[0] < other->values[0]
		: key->values[1] < other->values[1];
}

/*
 * is_of
 *		Whether the copies are of this index.
 */
static bool
is_of(Relation index)
{
	return map.generation == es_store_generation() &&
		map.file == index->rd_rel->relfilenode;
}

/*
 * find_copy
 *		How many copies begin at the key or before.
 */
static int
find_copy(const MapKey *key)
{
	int low = 0;
	int high = map.ncopies;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (is_before(key, &map.copies[middle].first))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/*
 * lowest_stream
 *		The lowest stream_id that a copy can have: they begin with 1.
 */
static double
lowest_stream(const PageCopy *copy)
{
	return Max(copy->first.values[0], 1);
}

/*
 * guess_entry
 *		Where in a copy a key is if streams are spread evenly.
 */
static int
guess_entry(const PageCopy *copy, const MapKey *key)
{
	double guess =
		((double) key->values[0] - lowest_stream(copy)) * copy->density;

	return guess > 0 ? (int) Min(guess, copy->nleaves - 1) : 0;
}

/*
 * find_in_copy
 *		The leaf page of a copy that a key is on: the last that begins at the key
 *		or before.  Bounds are moved apart around the guess, and then together.
 */
static BlockNumber
find_in_copy(const PageCopy *copy, const MapKey *key)
{
	int low = guess_entry(copy, key);
	int high = low + 1;

	for (int step = 1; low > 0 && is_before(key, &copy->entries[low].first);
		 step *= 2)
	{
		high = low;
		low = Max(low - step, 0);
	}
	for (int step = 1;
		 high < copy->nleaves && !is_before(key, &copy->entries[high].first);
		 step *= 2)
	{
		low = high;
		high = Min(high + step, copy->nleaves);
	}
	while (high - low > 1)
	{
		int middle = (low + high) / 2;

		if (is_before(key, &copy->entries[middle].first))
			high = middle;
		else
			low = middle;
	}
	return copy->entries[low].leaf;
}

/*
 * es_leaf_map_find
 *		The leaf page where a key, a stream_id and a version, is or was;
 *		InvalidBlockNumber for one that is not in the map.
 */
BlockNumber
es_leaf_map_find(Relation index, const int64 *key)
{
	const MapKey *wanted = (const MapKey *) key;
	const PageCopy *copy;
	int n;

	if (!is_of(index))
		return InvalidBlockNumber;
	n = find_copy(wanted);
	if (n == 0)
		return InvalidBlockNumber;
	copy = &map.copies[n - 1];
	if (copy->has_end && !is_before(wanted, &copy->end))
		return InvalidBlockNumber;
	return find_in_copy(copy, wanted);
}

/*
 * start_anew
 *		Forgets all copies, for those of an index.
 */
static void
start_anew(Relation index)
{
	if (map.context == NULL)
		map.context =
			AllocSetContextCreate(CacheMemoryContext, "event_store leaf map",
								  ALLOCSET_DEFAULT_SIZES);
	map.ncopies = 0;
	MemoryContextReset(map.context);
	map.file = index->rd_rel->relfilenode;
	map.generation = es_store_generation();
}

/*
 * get_key
 *		The key of an entry above the leaves; a column that was cut off is before
 *		all others.
 */
static MapKey
get_key(Relation index, Page page, OffsetNumber offset)
{
	IndexTuple entry = es_leaf_entry(page, offset);
	const int64 *values = es_leaf_values(entry);
	int ncolumns = BTreeTupleGetNAtts(entry, index);
	MapKey key;

	key.values[0] = ncolumns > 0 ? values[0] : PG_INT64_MIN;
	key.values[1] = ncolumns > 1 ? values[1] : PG_INT64_MIN;
	return key;
}

/*
 * copy_entries
 *		Copies the entries of a page from one on, whose key is given unless it is
 *		on the page.
 */
static void
copy_entries(PageCopy *copy, Relation index, Page page, OffsetNumber first,
			 const MapKey *key)
{
	MapKey last;

	copy->entries =
		MemoryContextAlloc(map.context, copy->nleaves * sizeof(MapEntry));
	for (int i = 0; i < copy->nleaves; i++)
	{
		copy->entries[i].first = get_key(index, page, first + i);
		copy->entries[i].leaf =
			BTreeTupleGetDownLink(es_leaf_entry(page, first + i));
	}
	if (key != NULL)
		copy->entries[0].first = *key;
	copy->first = copy->entries[0].first;
	last = copy->entries[copy->nleaves - 1].first;
	copy->density = (copy->nleaves - 1) /
		Max((double) last.values[0] - lowest_stream(copy), 1);
}

/*
 * copy_page
 *		Copies what a page says, if it is one just above the leaves; returns
 *		whether it is.
 *
 * The first entry of such a page has no key.  Where it begins is known of the
 * first page; of another, if the caller has come to that leaf page, and so knows
 * the first key on it.
 */
static bool
copy_page(PageCopy *copy, Relation index, Page page, BlockNumber leaf,
		  const MapKey *key)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);
	OffsetNumber first = P_FIRSTDATAKEY(opaque);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	bool known;

	if (P_ISLEAF(opaque) || P_IGNORE(opaque) || opaque->btpo_level != 1 ||
		first > last)
		return false;
	known = BTreeTupleGetDownLink(es_leaf_entry(page, first)) == leaf;
	if (!P_LEFTMOST(opaque) && !known && ++first > last)
		return false;

	copy->nleaves = last - first + 1;
	copy->has_end = !P_RIGHTMOST(opaque);
	if (copy->has_end)
		copy->end = get_key(index, page, P_HIKEY);
	copy_entries(copy, index, page, first,
				 known && !P_LEFTMOST(opaque) ? key : NULL);
	return true;
}

/*
 * remove_copies
 *		Frees copies, n of them from one on.
 */
static void
remove_copies(int from, int n)
{
	if (n <= 0)
		return;
	for (int i = from; i < from + n; i++)
		pfree(map.copies[i].entries);
	map.ncopies -= n;
	memmove(&map.copies[from], &map.copies[from + n],
			(map.ncopies - from) * sizeof(PageCopy));
}

/*
 * remove_overlapping
 *		Frees the copies that have keys of another one.
 */
static void
remove_overlapping(const PageCopy *copy)
{
	int from = find_copy(&copy->first);
	int to = from;

	if (from > 0 &&
		(!map.copies[from - 1].has_end ||
		 is_before(&copy->first, &map.copies[from - 1].end)))
		from--;
	while (to < map.ncopies &&
		   (!copy->has_end || is_before(&map.copies[to].first, &copy->end)))
		to++;
	remove_copies(from, to - from);
}

/*
 * add_copy
 *		Puts a copy in its place.
 */
static void
add_copy(const PageCopy *copy)
{
	int place;

	remove_overlapping(copy);
	if (map.ncopies == MAX_COPIES)
		remove_copies(map.nasked / COPY_ONE_OF % MAX_COPIES, 1);
	place = find_copy(&copy->first);
	memmove(&map.copies[place + 1], &map.copies[place],
			(map.ncopies - place) * sizeof(PageCopy));
	map.copies[place] = *copy;
	map.ncopies++;
}

/*
 * es_leaf_map_note
 *		Copies a page above the leaves that a descent has come by, on its way to
 *		a leaf page, which begins with this key.
 *
 * The caller may hold a lock of a leaf page: who locks several pages of a B-tree
 * goes upwards.
 */
void
es_leaf_map_note(Relation index, BlockNumber parent, BlockNumber leaf,
				 const int64 *first)
{
	Buffer buffer;
	PageCopy copy;
	bool copied;

	if (!is_of(index))
		start_anew(index);
	map.nasked++;
	if (map.ncopies == MAX_COPIES && map.nasked % COPY_ONE_OF != 0)
		return;
	buffer = _bt_getbuf(index, parent, BT_READ);
	copied = copy_page(&copy, index, BufferGetPage(buffer), leaf,
					   (const MapKey *) first);
	_bt_relbuf(index, buffer);
	if (copied)
		add_copy(&copy);
}
