/*-------------------------------------------------------------------------
 *
 * row_fetch.c
 *	  Rows by their places.
 *
 * An index leads to the place of a row, or a hint does.  PostgreSQL's way from
 * there to the row is ready for rows that were updated and whose later versions
 * follow on the page, prunes pages, and registers reads of serializable
 * transactions.  Rows of the store are written once; so a row is read from its page
 * first, and by PostgreSQL's way only if it is not there as it was written, or the
 * snapshot does not see it.
 *
 * No predicate locks are taken on the short way; es_row_fetch_allows() says whether that
 * is right.
 *
 * Concurrency: the page is pinned, and read under its share lock, as PostgreSQL does
 * it.  While it is pinned nobody moves the rows on it, so what is in the slot, which
 * keeps a pin of its own, stays.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/row_fetch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "page_hints.h"
#include "row_fetch.h"

/*
 * How many rows before its own a place's hint, page and row are fetched by the
 * processor; each needs what the one before it brought.  Where the rows' streams are
 * going to be looked up, all that is so much earlier, and then comes the same for these.
 */
#define HINT_AHEAD	 6
#define PAGE_AHEAD	 4
#define ROW_AHEAD	 2
#define STREAM_AHEAD 6

/*
 * is_heap
 *		Whether a table's pages are those of PostgreSQL's heap.
 */
static inline bool
is_heap(Relation table)
{
	return table->rd_tableam == GetHeapamTableAmRoutine();
}

/*
 * es_row_fetch_allows
 *		Whether reading with a snapshot needs no predicate locks: with SnapshotSelf, and
 *		in transactions that are not serializable.
 */
bool
es_row_fetch_allows(Snapshot snapshot)
{
	return snapshot == SnapshotSelf || !IsolationIsSerializable();
}

/*
 * read_row
 *		The row at a place of a pinned page, if the snapshot sees it.  A later version
 *		on the page of a row that was updated is one only for who has seen it there.
 */
static bool
read_row(Relation table, Buffer buffer, ItemPointer place, Snapshot snapshot,
		 bool later_version, TupleTableSlot *slot)
{
	HeapTuple tuple = &((BufferHeapTupleTableSlot *) slot)->base.tupdata;
	OffsetNumber offset = ItemPointerGetOffsetNumber(place);
	bool seen = false;
	Page page;

	Assert(TTS_IS_BUFFERTUPLE(slot));
	ExecClearTuple(slot);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	if (offset >= FirstOffsetNumber && offset <= PageGetMaxOffsetNumber(page) &&
		ItemIdIsNormal(PageGetItemId(page, offset)))
	{
		ItemId item = PageGetItemId(page, offset);

		tuple->t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple->t_len = ItemIdGetLength(item);
		tuple->t_tableOid = RelationGetRelid(table);
		tuple->t_self = *place;
		seen = (later_version || !HeapTupleIsHeapOnly(tuple)) &&
			HeapTupleSatisfiesVisibility(tuple, snapshot, buffer);
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	if (seen)
		ExecStoreBufferHeapTuple(tuple, slot, buffer);
	return seen;
}

/*
 * es_row_fetch_begin
 *		Starts fetching rows of a table.
 */
void
es_row_fetch_begin(EsRowFetch *fetch, Relation table)
{
	fetch->table = table;
	fetch->by_page = is_heap(table);
	fetch->stream_offset = -1;
	fetch->buffer = InvalidBuffer;
	fetch->usual = NULL;
}

/*
 * unpin
 *		Lets go of the page that is pinned, if one is.
 */
static void
unpin(EsRowFetch *fetch)
{
	if (BufferIsValid(fetch->buffer))
		ReleaseBuffer(fetch->buffer);
	fetch->buffer = InvalidBuffer;
}

/*
 * es_row_fetch_pin
 *		Pins a page of the table until another is, or the fetching ends.
 */
Buffer
es_row_fetch_pin(EsRowFetch *fetch, BlockNumber block)
{
	if (BufferIsValid(fetch->buffer) &&
		BufferGetBlockNumber(fetch->buffer) == block)
		return fetch->buffer;
	unpin(fetch);
	fetch->buffer = es_read_page(fetch->table, block);
	return fetch->buffer;
}

/*
 * fetch_usual
 *		The row at a place by the table's own way.
 */
static bool
fetch_usual(EsRowFetch *fetch, ItemPointer place, Snapshot snapshot,
			TupleTableSlot *slot)
{
	ItemPointerData copy = *place; /* it may be moved along a chain of versions */
	bool more = false;
	bool found;

	unpin(fetch); /* another pin would keep the page from being pruned */
	if (fetch->usual == NULL)
		fetch->usual = table_index_fetch_begin(fetch->table);
	found = table_index_fetch_tuple(fetch->usual, &copy, snapshot, slot, &more,
									NULL);
	table_index_fetch_reset(fetch->usual);
	return found;
}

/*
 * es_row_fetch
 *		The row at a place that an index gave, if the snapshot sees it.  The snapshot
 *		is one that es_row_fetch_allows(), the table is locked, the slot one of its
 *		own.  What is kept is allocated in the current memory context.
 */
bool
es_row_fetch(EsRowFetch *fetch, ItemPointer place, Snapshot snapshot,
			 TupleTableSlot *slot)
{
	if (fetch->by_page &&
		read_row(fetch->table,
				 es_row_fetch_pin(fetch, ItemPointerGetBlockNumber(place)),
				 place, snapshot, false, slot))
		return true;
	return fetch_usual(fetch, place, snapshot, slot);
}

/*
 * block_of
 *		The page of a place.
 */
static inline BlockNumber
block_of(const ItemPointerData *places, int i)
{
	return ItemPointerGetBlockNumberNoCheck(&places[i]);
}

/*
 * is_on_next_page
 *		Whether a place is on another page than the one before it.
 */
static inline bool
is_on_next_page(const ItemPointerData *places, int i)
{
	return i == 0 || block_of(places, i) != block_of(places, i - 1);
}

/*
 * first_ahead
 *		The row that is so far after the next one; at the first one, all up to it.
 */
static inline int
first_ahead(int next, int distance)
{
	return next == 0 ? 0 : next + distance;
}

/*
 * end_ahead
 *		The row after these.
 */
static inline int
end_ahead(int next, int distance, int nplaces)
{
	return Min(next + distance + 1, nplaces);
}

/*
 * fetch_rows_ahead
 *		Has the processor fetch rows that follow the next by some.
 */
static inline void
fetch_rows_ahead(Relation table, const ItemPointerData *places, int nplaces,
				 int next, int by)
{
	for (int i = first_ahead(next, by + HINT_AHEAD);
		 i < end_ahead(next, by + HINT_AHEAD, nplaces); i++)
	{
		if (is_on_next_page(places, i))
			es_prefetch_hint(table, block_of(places, i));
	}
	for (int i = first_ahead(next, by + PAGE_AHEAD);
		 i < end_ahead(next, by + PAGE_AHEAD, nplaces); i++)
	{
		if (is_on_next_page(places, i))
			es_prefetch_page(es_hinted_buffer(table, block_of(places, i)),
							 &places[i]);
	}
	for (int i = first_ahead(next, by + ROW_AHEAD);
		 i < end_ahead(next, by + ROW_AHEAD, nplaces); i++)
	{
		es_prefetch_row(es_hinted_buffer(table, block_of(places, i)), &places[i]);
	}
}

/*
 * key_of_stream
 *		The key of a row's stream, as far as that can be told; 0 where it cannot.
 */
static inline uint64
key_of_stream(const EsRowFetch *fetch, const ItemPointerData *places, int i)
{
	int64 stream_id;

	if (!es_peek_bigint(es_hinted_buffer(fetch->table, block_of(places, i)),
						&places[i], fetch->stream_offset, &stream_id))
		return 0;
	return es_hint_key_of_id(stream_id);
}

/*
 * fetch_streams_ahead
 *		Has the processor fetch the streams' rows of rows that follow.
 */
static inline void
fetch_streams_ahead(const EsRowFetch *fetch, const ItemPointerData *places,
					int nplaces, int next)
{
	for (int i = first_ahead(next, HINT_AHEAD);
		 i < end_ahead(next, HINT_AHEAD, nplaces); i++)
	{
		es_hint_prefetch(key_of_stream(fetch, places, i));
	}
	for (int i = first_ahead(next, PAGE_AHEAD);
		 i < end_ahead(next, PAGE_AHEAD, nplaces); i++)
	{
		es_hint_prefetch_page(key_of_stream(fetch, places, i));
	}
	for (int i = first_ahead(next, ROW_AHEAD);
		 i < end_ahead(next, ROW_AHEAD, nplaces); i++)
	{
		es_hint_prefetch_row(key_of_stream(fetch, places, i));
	}
}

/*
 * es_row_fetch_ahead
 *		Has the processor fetch what rows that follow will need; called before each
 *		of some rows, in their order, is fetched, with which is next.
 */
void
es_row_fetch_ahead(const EsRowFetch *fetch, const ItemPointerData *places,
				   int nplaces, int next)
{
	if (!fetch->by_page)
		return;
	if (fetch->stream_offset < 0)
	{
		fetch_rows_ahead(fetch->table, places, nplaces, next, 0);
		return;
	}
	fetch_rows_ahead(fetch->table, places, nplaces, next, STREAM_AHEAD);
	fetch_streams_ahead(fetch, places, nplaces, next);
}

/*
 * es_row_fetch_end
 *		Lets go of what es_row_fetch() keeps.
 */
void
es_row_fetch_end(EsRowFetch *fetch)
{
	unpin(fetch);
	if (fetch->usual != NULL)
		table_index_fetch_end(fetch->usual);
}

/*
 * es_fetch_seen_row
 *		The row at a place where one was seen, if a snapshot sees it; what was known of
 *		its buffer is put right.  The place may be beyond the end of the table: a vacuum
 *		may have cut it off.
 */
bool
es_fetch_seen_row(Relation table, EsSeenRow *row, Snapshot snapshot,
				  TupleTableSlot *slot)
{
	BlockNumber block = ItemPointerGetBlockNumber(&row->place);
	bool seen;

	if (!is_heap(table) || !es_row_fetch_allows(snapshot))
		return block < RelationGetNumberOfBlocks(table) &&
			table_tuple_fetch_row_version(table, &row->place, snapshot, slot);
	row->buffer = es_read_page_if_there(table, block, row->buffer);
	if (!BufferIsValid(row->buffer))
		return false;
	seen = read_row(table, row->buffer, &row->place, snapshot, true, slot);
	ReleaseBuffer(row->buffer);
	return seen;
}

/*
 * es_buffer_of
 *		The buffer of the page that the row in a slot is on, as far as the slot knows.
 */
Buffer
es_buffer_of(TupleTableSlot *slot)
{
	return TTS_IS_BUFFERTUPLE(slot) ? ((BufferHeapTupleTableSlot *) slot)->buffer
									: InvalidBuffer;
}
