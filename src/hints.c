/*-------------------------------------------------------------------------
 *
 * hints.c
 *	  Where this backend last saw a stream's row and its head.
 *
 * Half of what an append reads is the way to its stream: down the index of
 * names, and down that of versions.  A hint shortens the first to a look at one
 * row, and bounds the second to the entries from the version last seen.
 *
 * A hint is never believed.  The row where it points to is one of the table of
 * streams or not, is seen by the snapshot or not, and has the stream's name or
 * not; where there is no event from the version on, the whole stream is looked
 * at.  So nothing has to be told to forget a hint when a transaction rolls
 * back, a stream moves on in another session, or an owner changes the table: at
 * worst it costs what it was to save.  Only a table that was rewritten or made
 * anew is another one, in which the places of rows mean nothing: that drops all.
 *
 * The key's bits choose a set of a few entries, of which the last one noted comes
 * first and the first one noted is the one to go.  The array of sets doubles as
 * it fills, up to a size that a session can well do with.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/hints.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "hints.h"
#include "store.h"

#define SET_SIZE   4
#define FIRST_SETS 64
#define MAX_SETS   4096 /* 384 kB */

typedef struct HintSet
{
	EsHint hints[SET_SIZE];
} HintSet;

/*
 * The sets, a power of two of them, in TopMemoryContext; good for the store
 * generation beside them.
 */
static HintSet *sets = NULL;
static uint32 nsets = 0;
static uint32 nused = 0; /* entries */
static uint64 sets_generation = 0;

/*
 * set_of
 *		The set that a key chooses.
 *
 * The lowest bit of all streams' keys is the same.
 */
static inline HintSet *
set_of(uint64 key)
{
	return &sets[(key >> 1) & (nsets - 1)];
}

/*
 * put_first
 *		Puts an entry before the others of its set, the last of which goes.
 */
static void
put_first(const EsHint *hint)
{
	EsHint *hints = set_of(hint->key)->hints;

	if (!ItemPointerIsValid(&hints[SET_SIZE - 1].row))
		nused++;
	memmove(&hints[1], &hints[0], (SET_SIZE - 1) * sizeof(EsHint));
	hints[0] = *hint;
}

/*
 * forget_all
 *		Empties the sets.
 */
static void
forget_all(void)
{
	if (sets != NULL)
		memset(sets, 0, nsets * sizeof(HintSet));
	nused = 0;
	sets_generation = es_store_generation();
}

/*
 * enlarge
 *		Makes the sets, or doubles them.
 */
static void
enlarge(void)
{
	HintSet *old = sets;
	uint32 nold = nsets;
	uint32 size = nold == 0 ? FIRST_SETS : 2 * nold;

	sets = MemoryContextAllocZero(TopMemoryContext, size * sizeof(HintSet));
	nsets = size;
	nused = 0;
	for (uint32 i = 0; i < nold * SET_SIZE; i++)
	{
		const EsHint *hint = &old[i / SET_SIZE].hints[i % SET_SIZE];

		if (ItemPointerIsValid(&hint->row))
			put_first(hint);
	}
	if (old != NULL)
		pfree(old);
}

/*
 * find
 *		The entry of a key; NULL if there is none.
 */
static EsHint *
find(uint64 key)
{
	EsHint *hints;

	if (sets == NULL || sets_generation != es_store_generation())
		return NULL;
	hints = set_of(key)->hints;
	for (int i = 0; i < SET_SIZE; i++)
	{
		if (hints[i].key == key && ItemPointerIsValid(&hints[i].row))
			return &hints[i];
	}
	return NULL;
}

/*
 * es_hint_get
 *		What was seen of the stream with a key; false for nothing.
 */
bool
es_hint_get(uint64 key, EsHint *hint)
{
	const EsHint *found = find(key);

	if (found != NULL)
		*hint = *found;
	return found != NULL;
}

/*
 * es_hint_note_row
 *		Notes where the row of the stream with a key is.
 */
void
es_hint_note_row(uint64 key, ItemPointer row)
{
	EsHint *found = find(key);
	EsHint hint = {0};

	if (found != NULL)
	{
		found->row = *row;
		return;
	}
	if (sets_generation != es_store_generation())
		forget_all();
	if (nsets < MAX_SETS && nused >= nsets * (SET_SIZE / 2))
		enlarge();
	hint.key = key;
	hint.row = *row;
	put_first(&hint);
}

/*
 * es_hint_note_version
 *		Notes the version of the stream with a key, if its row is known.
 */
void
es_hint_note_version(uint64 key, int64 version)
{
	EsHint *found = find(key);

	if (found != NULL)
		found->version = version;
}
