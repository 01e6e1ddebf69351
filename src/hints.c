/*-------------------------------------------------------------------------
 *
 * hints.c
 *	  Where streams' rows were last seen.
 *
 * A good part of what an append reads is the way to its stream's row, down the
 * index of names.  A hint shortens it to a look at the row.
 *
 * A hint is never believed.  Its place is in the table of streams or behind its
 * end; the row there is seen by the snapshot or not, and has the stream's name
 * or not.  So nothing has to be told to forget a hint when a transaction rolls
 * back, or the table is changed, rewritten or made anew: at worst it costs what
 * it was to save.
 *
 * Readers of many streams find names by hints, too: the same place under a key
 * of the stream's id.  The one kind may take the room of the other.
 *
 * The key's bits choose a set of a few entries, of which the last one noted comes
 * first and the first one noted is the one to go.  A set fills a cache line, so
 * an entry has the rest of the key in 32 bits: a row that is another stream's is
 * found out.
 *
 * All sessions share the hints, since a stream is mostly met again by another
 * session than the last; see hint_memory.c.  Databases share them, too: the
 * database is part of the keys.
 *
 * Where there is no such memory to be had, a session keeps hints of its own.
 * Their sets double as they fill, up to a size that a session can well do with.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/hints.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "bits.h"
#include "hint_memory.h"
#include "hints.h"
#include "page_hints.h"

#define SET_SIZE	4
#define FIRST_SETS	64
#define MAX_SETS	8192 /* of a session's own: 512 kB */
#define SHARED_SETS (ES_STREAM_HINT_BYTES / sizeof(HintSet))

/* What was seen of a stream, or of one that is taken for it. */
typedef struct Hint
{
	uint32 tag;			 /* of the stream's key */
	ItemPointerData row; /* the place of its row; invalid in a free entry */
	uint16 home;		 /* which sets the key chooses, of whatever many */
	Buffer buffer;		 /* of the row's page, as far as that is known */
} Hint;

typedef struct HintSet
{
	Hint hints[SET_SIZE];
} HintSet;

StaticAssertDecl(sizeof(HintSet) == 64, "a set of hints is to fill a cache line");

/* Tells the keys of ids from those of names, and those of databases apart. */
#define ID_SEED		  UINT64CONST(0x9e3779b97f4a7c15)
#define DATABASE_SEED 3

/*
 * The sets, a power of two of them: shared ones, or in a chunk of
 * TopMemoryContext.  Nothing resets them.
 */
static HintSet *sets = NULL;
static void *sets_chunk = NULL; /* NULL for shared ones */
static uint32 nsets = 0;
static uint32 nused = 0; /* entries of the session's own */

/* Whether this session has looked for shared ones; never reset. */
static bool looked = false;

/* What makes keys of this database others than elsewhere; never reset. */
static uint64 database_key = 0;

/*
 * es_hints_prepare
 *		Looks for the shared hints once a session, before the first is asked for.
 *
 * Where they can't be looked for yet nothing is noted.
 */
void
es_hints_prepare(void)
{
	if (likely(looked) || !es_hint_memory_look())
		return;
	looked = true;
	database_key = hash_bytes_uint32_extended(MyDatabaseId, DATABASE_SEED);
	sets = es_stream_hint_memory();
	if (sets != NULL)
		nsets = SHARED_SETS;
}

/*
 * tag_of
 *		What an entry has of a key.
 */
static inline uint32
tag_of(uint64 key)
{
	return (uint32) ((key ^ database_key) >> 32);
}

/*
 * home_of
 *		The bits of a key that choose its set: others than the tag has, and
 *		without the lowest, which is the same in the keys of all names.
 */
static inline uint16
home_of(uint64 key)
{
	return (uint16) ((key ^ database_key) >> 1);
}

/*
 * set_at
 *		The set that such bits choose.
 */
static inline HintSet *
set_at(uint16 home)
{
	return &sets[home & (nsets - 1)];
}

/*
 * put_first
 *		Puts an entry before the others of its set, the last of which goes.
 */
static void
put_first(const Hint *hint)
{
	HintSet *set = set_at(hint->home);

	if (!ItemPointerIsValid(&set->hints[SET_SIZE - 1].row))
		nused++;
	memmove(&set->hints[1], &set->hints[0], (SET_SIZE - 1) * sizeof(Hint));
	set->hints[0] = *hint;
}

/*
 * enlarge
 *		Makes the session's own sets, or doubles them.
 */
static void
enlarge(void)
{
	HintSet *old = sets;
	void *old_chunk = sets_chunk;
	uint32 nold = nsets;
	uint32 size = nold == 0 ? FIRST_SETS : 2 * nold;

	sets_chunk =
		MemoryContextAllocZero(TopMemoryContext,
							   size * sizeof(HintSet) + PG_CACHE_LINE_SIZE);
	sets = (HintSet *) CACHELINEALIGN(sets_chunk);
	nsets = size;
	nused = 0;
	for (uint32 i = 0; i < nold * SET_SIZE; i++)
	{
		const Hint *hint = &old[i / SET_SIZE].hints[i % SET_SIZE];

		if (ItemPointerIsValid(&hint->row))
			put_first(hint);
	}
	if (old_chunk != NULL)
		pfree(old_chunk);
}

/*
 * find
 *		The entry of a key, and a copy of it, which nobody else writes any more; NULL if
 *		there is none.
 */
static Hint *
find(uint64 key, Hint *copy)
{
	Hint *hints;

	if (sets == NULL)
		return NULL;
	hints = set_at(home_of(key))->hints;
	for (int i = 0; i < SET_SIZE; i++)
	{
		*copy = *(volatile Hint *) &hints[i];
		if (copy->tag == tag_of(key) && copy->home == home_of(key) &&
			ItemPointerIsValid(&copy->row))
			return &hints[i];
	}
	return NULL;
}

/*
 * es_hint_key_of_id
 *		The key of a stream by its id; by its name it is that of its lock.  It is made
 *		several times for each event of a read, so it costs little.
 */
uint64
es_hint_key_of_id(int64 stream_id)
{
	return es_mix_bits((uint64) stream_id ^ ID_SEED);
}

/*
 * es_hint_get
 *		Where the row of the stream with a key was seen; false when it was not.
 */
bool
es_hint_get(uint64 key, EsSeenRow *row)
{
	Hint hint;

	if (find(key, &hint) == NULL)
		return false;
	row->place = hint.row;
	row->buffer = hint.buffer;
	return true;
}

/*
 * es_hint_note
 *		Notes where the row of the stream with a key is.
 */
void
es_hint_note(uint64 key, const EsSeenRow *row)
{
	Hint before;
	Hint *found = find(key, &before);
	Hint hint = {.tag = tag_of(key),
				 .row = row->place,
				 .home = home_of(key),
				 .buffer = row->buffer};

	if (found != NULL)
	{
		*found = hint;
		return;
	}
	if (!looked)
		return;
	if (nsets < MAX_SETS && nused >= nsets * (SET_SIZE / 2))
		enlarge();
	put_first(&hint);
}

/*
 * es_hint_prefetch
 *		Has the processor fetch the hint at a stream that is going to be looked for;
 *		as soon as its key is known.
 */
void
es_hint_prefetch(uint64 key)
{
	if (sets != NULL)
		es_prefetch(set_at(home_of(key)));
}

/*
 * es_hint_prefetch_page
 *		The same of the row's page; once the hint may have come.
 */
void
es_hint_prefetch_page(uint64 key)
{
	Hint hint;

	if (find(key, &hint) != NULL)
		es_prefetch_page(hint.buffer, &hint.row);
}

/*
 * es_hint_prefetch_row
 *		The same of the row; once the page may have come.
 */
void
es_hint_prefetch_row(uint64 key)
{
	Hint hint;

	if (find(key, &hint) != NULL)
		es_prefetch_row(hint.buffer, &hint.row);
}
