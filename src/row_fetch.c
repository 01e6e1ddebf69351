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
 * No predicate locks are taken on the short way; es_probe_allows() says whether that
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
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "page_hints.h"
#include "probe.h"
#include "row_fetch.h"

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
	fetch->buffer = InvalidBuffer;
	fetch->usual = NULL;
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

	if (fetch->usual == NULL)
		fetch->usual = table_index_fetch_begin(fetch->table);
	return table_index_fetch_tuple(fetch->usual, &copy, snapshot, slot, &more,
								   NULL);
}

/*
 * es_row_fetch
 *		The row at a place that an index gave, if the snapshot sees it.  The snapshot
 *		is one that es_probe_allows().
 */
bool
es_row_fetch(EsRowFetch *fetch, ItemPointer place, Snapshot snapshot,
			 TupleTableSlot *slot)
{
	BlockNumber block = ItemPointerGetBlockNumber(place);

	if (!fetch->by_page)
		return fetch_usual(fetch, place, snapshot, slot);
	if (!BufferIsValid(fetch->buffer) ||
		BufferGetBlockNumber(fetch->buffer) != block)
	{
		if (BufferIsValid(fetch->buffer))
			ReleaseBuffer(fetch->buffer);
		fetch->buffer = InvalidBuffer;
		fetch->buffer = es_read_page(fetch->table, block);
	}
	return read_row(fetch->table, fetch->buffer, place, snapshot, false, slot) ||
		fetch_usual(fetch, place, snapshot, slot);
}

/*
 * es_row_fetch_end
 *		Lets go of what es_row_fetch() keeps.
 */
void
es_row_fetch_end(EsRowFetch *fetch)
{
	if (BufferIsValid(fetch->buffer))
		ReleaseBuffer(fetch->buffer);
	if (fetch->usual != NULL)
		table_index_fetch_end(fetch->usual);
}

/*
 * es_fetch_hinted_row
 *		The row at a place where one was seen, if a snapshot sees it.  The place may be
 *		beyond the end of the table: a vacuum may have cut it off.
 */
bool
es_fetch_hinted_row(Relation table, ItemPointer place, Snapshot snapshot,
					TupleTableSlot *slot)
{
	BlockNumber block = ItemPointerGetBlockNumber(place);
	Buffer buffer;
	bool seen;

	if (!is_heap(table) || !es_probe_allows(snapshot))
		return block < RelationGetNumberOfBlocks(table) &&
			table_tuple_fetch_row_version(table, place, snapshot, slot);
	buffer = es_read_page_if_there(table, block);
	if (!BufferIsValid(buffer))
		return false;
	seen = read_row(table, buffer, place, snapshot, true, slot);
	ReleaseBuffer(buffer);
	return seen;
}
