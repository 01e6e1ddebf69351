/*-------------------------------------------------------------------------
 *
 * page_hints.c
 *	  In which buffers pages were last seen.
 *
 * To find the buffer of a page PostgreSQL looks it up in a hash table that all
 * sessions share: a lock, and three or four places in memory that a busy server has
 * in no processor's cache, half a microsecond each time.  An append reads the pages
 * of its stream's row and end, seldom the same ones as before, so it first looks
 * whether a page is still in the buffer that it was last seen in, by any session.
 * PostgreSQL itself tells, and pins the buffer if it is.
 *
 * That takes the lock of the buffer's header, which a look-up does without.  So it is
 * for pages that are many, each read now and then, and not for the few that all
 * sessions read all the time, such as the root of an index.
 *
 * A page that is found so does not count as used when PostgreSQL looks for a buffer
 * to be emptied.  So one of several reads is done in the usual way, by chance, as
 * calls read their pages in the same order again and again.
 *
 * Who knows some time before which rows it is going to read can have the processor
 * fetch what lies on the way there: first the hint, then the page's buffer, then the
 * row, and then what is on the way to another row that this one names.  Nothing is
 * locked for that, and what is read counts for nothing but where to fetch from next.
 *
 * Concurrency: nobody locks hints.  One is a buffer's number, which is written whole
 * and always a number of a buffer, so who reads one gets some buffer; whether the page
 * is in there PostgreSQL tells under the lock of the buffer's header.  The caller has
 * locked the relation, so that its pages are not cut off and its file stays.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/page_hints.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/buf_internals.h"
#include "utils/rel.h"

#include "compat.h"
#include "hint_memory.h"
#include "page_hints.h"

/* One of so many reads is by the usual way. */
#define USUAL_ONE_OF 8

/* How many lines of the processor's caches, and of what size, of a row are fetched. */
#define ROW_LINES  3
#define CACHE_LINE 64

/* The hints, and their number less one; NULL before they are known; never reset. */
static Buffer *hints = NULL;
static uint32 mask = 0;

/* Counts reads; never reset. */
static uint32 nreads = 0;

/*
 * is_shared_buffer
 *		Whether this is the number of a buffer that all sessions share.
 */
static inline bool
is_shared_buffer(Buffer buffer)
{
	return buffer > 0 && buffer <= NBuffers;
}

/*
 * is_usual_turn
 *		Whether a read is to be done in the usual way.
 */
static inline bool
is_usual_turn(void)
{
	return murmurhash32(nreads++) % USUAL_ONE_OF == 0;
}

/*
 * hint_at
 *		The hint at a page, NULL if there can be none.  Pages of a relation that are
 *		side by side have theirs side by side.
 */
static inline Buffer *
hint_at(Relation rel, BlockNumber block)
{
	if (unlikely(hints == NULL))
	{
		uint32 npages;

		hints = es_page_hint_memory(&npages);
		if (hints == NULL)
			return NULL;
		mask = npages - 1;
	}
	return &hints[(murmurhash32(es_file_number(rel) ^ MyDatabaseId << 16) + block) &
				  mask];
}

/*
 * hinted_buffer
 *		What a hint says; InvalidBuffer for none.
 */
static inline Buffer
hinted_buffer(const volatile Buffer *hint)
{
	return hint != NULL ? *hint : InvalidBuffer;
}

/*
 * pin_if_in
 *		The page's buffer, pinned, if it is still in the one where it was seen.
 */
static inline Buffer
pin_if_in(Relation rel, BlockNumber block, Buffer seen)
{
	return is_shared_buffer(seen) && es_read_recent_buffer(rel, block, seen)
		? seen
		: InvalidBuffer;
}

/*
 * count_hit
 *		Counts a page as read, and as found in a buffer.
 */
static inline void
count_hit(Relation rel)
{
	pgstat_count_buffer_read(rel);
	pgstat_count_buffer_hit(rel);
}

/*
 * es_read_page
 *		Reads a page of a relation, as ReadBuffer does, and raises what that raises.
 */
Buffer
es_read_page(Relation rel, BlockNumber block)
{
	Buffer *hint = hint_at(rel, block);
	Buffer seen = hinted_buffer(hint);
	Buffer buffer = is_usual_turn() ? InvalidBuffer : pin_if_in(rel, block, seen);

	if (BufferIsValid(buffer))
	{
		count_hit(rel);
		return buffer;
	}
	buffer = ReadBuffer(rel, block);
	if (hint != NULL && buffer != seen && is_shared_buffer(buffer))
		*hint = buffer;
	return buffer;
}

/*
 * es_read_page_if_there
 *		Reads a page that may be beyond the end, InvalidBuffer then, and that was seen
 *		in some buffer.
 */
Buffer
es_read_page_if_there(Relation rel, BlockNumber block, Buffer seen)
{
	Buffer buffer = pin_if_in(rel, block, seen);

	if (!BufferIsValid(buffer))
		return block < RelationGetNumberOfBlocks(rel) ? ReadBuffer(rel, block)
													  : InvalidBuffer;
	if (is_usual_turn())
	{
		/* it is there; read it in the usual way so that it counts as used */
		ReleaseBuffer(buffer);
		return ReadBuffer(rel, block);
	}
	count_hit(rel);
	return buffer;
}

/*
 * es_prefetch_hint
 *		Has the processor fetch the hint at a page.
 */
void
es_prefetch_hint(Relation rel, BlockNumber block)
{
	const Buffer *hint = hint_at(rel, block);

	if (hint != NULL)
		es_prefetch(hint);
}

/*
 * es_hinted_buffer
 *		The buffer that the hint at a page names, which need not be right;
 *		InvalidBuffer for none.
 */
Buffer
es_hinted_buffer(Relation rel, BlockNumber block)
{
	return hinted_buffer(hint_at(rel, block));
}

/*
 * can_look
 *		Whether there is memory to look at where a buffer would have a row, pinned or not
 *		and whatever is in it.  valgrind holds what is not pinned to be out of bounds.
 */
static inline bool
can_look(Buffer buffer, const ItemPointerData *place)
{
#ifdef USE_VALGRIND
	return false;
#else
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(place);

	return is_shared_buffer(buffer) && offset >= FirstOffsetNumber &&
		offset <= MaxHeapTuplesPerPage;
#endif
}

/*
 * line_pointer
 *		What tells where on a page a row is.
 */
static inline ItemId
line_pointer(Buffer buffer, const ItemPointerData *place)
{
	PageHeader page = (PageHeader) BufferGetPage(buffer);

	return &page->pd_linp[ItemPointerGetOffsetNumberNoCheck(place) - 1];
}

/*
 * es_prefetch_page
 *		Has the processor fetch of a row's page what leads to the row.
 */
void
es_prefetch_page(Buffer buffer, const ItemPointerData *place)
{
	if (!can_look(buffer, place))
		return;
	es_prefetch(GetBufferDescriptor(buffer - 1));
	es_prefetch(BufferGetPage(buffer));
	es_prefetch(line_pointer(buffer, place));
}

/*
 * es_prefetch_row
 *		Has the processor fetch the beginning of a row.
 */
void
es_prefetch_row(Buffer buffer, const ItemPointerData *place)
{
	const char *row;

	if (!can_look(buffer, place))
		return;
	row = (char *) BufferGetPage(buffer) +
		ItemIdGetOffset(line_pointer(buffer, place));
	for (int i = 0; i < ROW_LINES; i++)
		es_prefetch(row + i * CACHE_LINE);
}

/*
 * es_peek_bigint
 *		What a row has in a bigint column, by its offset in the row's data.  The page is
 *		not pinned, so that it may be anything; false where nothing can be there.
 */
bool
es_peek_bigint(Buffer buffer, const ItemPointerData *place, int offset,
			   int64 *value)
{
	const char *page;
	Size at;

	if (!can_look(buffer, place))
		return false;
	page = BufferGetPage(buffer);
	at = ItemIdGetOffset(line_pointer(buffer, place));
	if (at > BLCKSZ - SizeofHeapTupleHeader)
		return false;

	/* an aligned row is not to be counted on */
	at += *(const uint8 *) (page + at + offsetof(HeapTupleHeaderData, t_hoff));
	at += offset;
	if (at > BLCKSZ - sizeof(*value))
		return false;
	memcpy(value, page + at, sizeof(*value));
	return true;
}
