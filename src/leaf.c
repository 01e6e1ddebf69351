/*-------------------------------------------------------------------------
 *
 * leaf.c
 *	  Rows by indexes of whole numbers, read from the leaf pages.
 *
 * The store's events are found by indexes on one or two bigint columns, never
 * null: a global position, a stream and a version, a category and a position.
 * PostgreSQL's index scan has to be ready for all kinds of keys: it works them
 * out, checks each entry of a page by calls of functions, and copies the page's
 * entries, for a range of ten events more work than the events are.  With keys
 * that are known to be whole numbers it takes a few instructions an entry.
 *
 * The keys are compared as numbers here, which is what the operators of the
 * type's one operator family do; store.c takes no other index.
 *
 * No predicate locks are taken.  So this is for SnapshotSelf and for snapshots of
 * transactions that are not serializable; es_row_fetch_allows() says whether.
 *
 * Concurrency: it is nbtree's, as a scan has it (see its README).  The caller has
 * locked the table and the index.  A leaf page is read under its share lock, what
 * it says is copied, and the page to its right is the one that it named then: a
 * page that is split later has all its entries in the copy.  With an MVCC snapshot
 * the page's pin is given back at once: a row whose place was used again in the
 * meantime is one that the snapshot can't see, or the transaction's own, which
 * scan.c tells by its key.  With SnapshotSelf the page stays pinned until its rows
 * have been fetched, and so VACUUM waits with removing their entries.  Entries
 * that are marked as dead are not passed by; their rows are not seen.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/leaf.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "descent.h"
#include "leaf.h"
#include "leaf_entry.h"
#include "probe.h"
#include "row_fetch.h"

/* Columns that such an index has at most. */
#define MAX_KEYS 2

/* A place in the order of an index: its first n columns, and what follows. */
typedef struct LeafKey
{
	int n;
	int64 values[MAX_KEYS];
	bool after; /* behind all entries that are equal, not before them */
} LeafKey;

struct EsLeafScan
{
	EsLeafIndex by;
	Snapshot snapshot;
	int64 prefix;
	int64 highest;
	Buffer buffer;	  /* the page that is pinned, if one is */
	BlockNumber next; /* the one to its right, if that is to be read, too */
	EsRowFetch fetch;
	int nrows; /* of the page */
	int given;
	int size;
	ItemPointerData *rows;
	EsLeafFilter filter; /* its function is NULL for none */
};

/*
 * is_before_key
 *		Whether an entry, of which ncolumns are left, is before a key.  A column
 *		that was cut off is before all others.
 */
static inline bool
is_before_key(IndexTuple entry, int ncolumns, const LeafKey *key)
{
	const int64 *values = es_leaf_values(entry);

	for (int i = 0; i < key->n; i++)
	{
		if (i >= ncolumns)
			return true;
		if (values[i] != key->values[i])
			return values[i] < key->values[i];
	}
	return key->after;
}

/*
 * ends_behind
 *		Whether the entries from a key on begin before a page ends: its high key
 *		is beyond the place.
 */
static bool
ends_behind(Relation index, Page page, const LeafKey *key)
{
	IndexTuple high;
	const int64 *values;
	int ncolumns;

	if (P_RIGHTMOST(BTPageGetOpaque(page)))
		return true;
	high = es_leaf_entry(page, P_HIKEY);
	values = es_leaf_values(high);
	ncolumns = BTreeTupleGetNAtts(high, index);
	for (int i = 0; i < key->n && i < ncolumns; i++)
	{
		if (values[i] != key->values[i])
			return values[i] > key->values[i];
	}
	return false;
}

/*
 * covers
 *		Whether a key has its place on a page: there is an entry before it, or
 *		this is the first page, and the page ends behind it.
 *
 * Pages are in the order of their keys and do not overlap, so then no other page
 * has entries between those two.
 */
static bool
covers(const EsLeafIndex *by, Page page, const LeafKey *key)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);
	OffsetNumber first = P_FIRSTDATAKEY(opaque);

	return first <= PageGetMaxOffsetNumber(page) &&
		(P_LEFTMOST(opaque) ||
		 is_before_key(es_leaf_entry(page, first), by->nkeys, key)) &&
		ends_behind(by->index, page, key);
}

/*
 * find_offset
 *		The first entry of a leaf page that is not before a key.
 */
static OffsetNumber
find_offset(const EsLeafIndex *by, Page page, const LeafKey *key)
{
	OffsetNumber low = P_FIRSTDATAKEY(BTPageGetOpaque(page));
	OffsetNumber high = OffsetNumberNext(PageGetMaxOffsetNumber(page));

	while (low < high)
	{
		OffsetNumber middle = (low + high) / 2;

		if (is_before_key(es_leaf_entry(page, middle), by->nkeys, key))
			low = OffsetNumberNext(middle);
		else
			high = middle;
	}
	return low;
}

/*
 * find_page
 *		The leaf page where the entries from a key on begin, or the one before it,
 *		share-locked; InvalidBuffer in an empty index.
 */
static Buffer
find_page(const EsLeafIndex *by, const LeafKey *key)
{
	int64 place[MAX_KEYS] = {key->values[0], key->values[1]};
	Buffer buffer;

	if (key->n < by->nkeys)
		place[1] = key->after ? PG_INT64_MAX : PG_INT64_MIN;
	pgstat_count_index_scan(by->index);
	buffer = es_descend_to_numbers(by->index, place, by->nkeys);
	if (!BufferIsValid(buffer))
	{
		Datum values[MAX_KEYS] = {Int64GetDatum(place[0]),
								  Int64GetDatum(place[1])};

		buffer = es_probe_descend(by->table, by->index, values, by->nkeys);
	}
	return buffer;
}

/*
 * fetch_row
 *		The row at a place, if it is visible.
 */
static bool
fetch_row(const EsLeafIndex *by, EsRowFetch *fetch, Snapshot snapshot,
		  ItemPointer row, TupleTableSlot *slot)
{
	bool found = es_row_fetch(fetch, row, snapshot, slot);

	pgstat_count_index_tuples(by->index, 1);
	if (found)
		pgstat_count_heap_fetch(by->index);
	return found;
}

/*
 * pick_last
 *		The place of the row of the last entry before a key, if that is on this
 *		page and surely no other is.
 */
static bool
pick_last(const EsLeafIndex *by, Page page, const LeafKey *key, ItemPointer row)
{
	OffsetNumber offset;
	IndexTuple entry;

	if (!covers(by, page, key))
		return false;
	offset = OffsetNumberPrev(find_offset(by, page, key));
	if (offset < P_FIRSTDATAKEY(BTPageGetOpaque(page)))
		return false;
	entry = es_leaf_entry(page, offset);
	if (es_leaf_values(entry)[0] != key->values[0] || BTreeTupleIsPosting(entry))
		return false;
	*row = entry->t_tid;
	return true;
}

/*
 * es_leaf_last
 *		The row with the greatest key of those that begin with a prefix.
 *
 * True means that it is in the slot.  False means nothing: there may be no such
 * row, or the last entry's is not visible.
 */
bool
es_leaf_last(const EsLeafIndex *leaf_index, Snapshot snapshot, int64 prefix,
			 TupleTableSlot *slot)
{
	LeafKey key = {1, {prefix, 0}, true};
	Buffer buffer = find_page(leaf_index, &key);
	ItemPointerData row;
	bool found;

	if (!BufferIsValid(buffer))
		return false;
	found = pick_last(leaf_index, BufferGetPage(buffer), &key, &row);
	_bt_unlockbuf(leaf_index->index, buffer);
	if (found)
	{
		EsRowFetch fetch;

		es_row_fetch_begin(&fetch, leaf_index->table);
		found = fetch_row(leaf_index, &fetch, snapshot, &row, slot);
		es_row_fetch_end(&fetch);
	}
	ReleaseBuffer(buffer);
	return found;
}

/*
 * is_in_range
 *		Whether an entry, not before the lowest, belongs to a scan.
 */
static inline bool
is_in_range(const EsLeafScan *scan, IndexTuple entry)
{
	const int64 *values = es_leaf_values(entry);

	return scan->by.nkeys == 1
		? values[0] <= scan->highest
		: values[0] == scan->prefix && values[1] <= scan->highest;
}

/*
 * count_rows
 *		The entry of a page that ends a scan, from one on, and how many rows those
 *		before it have.
 */
static OffsetNumber
count_rows(const EsLeafScan *scan, Page page, OffsetNumber offset, int *nrows)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	*nrows = 0;
	for (; offset <= last; offset = OffsetNumberNext(offset))
	{
		IndexTuple entry = es_leaf_entry(page, offset);

		if (!is_in_range(scan, entry))
			break;
		*nrows += BTreeTupleIsPosting(entry) ? BTreeTupleGetNPosting(entry) : 1;
	}
	return offset;
}

/*
 * make_room
 *		Makes room for the rows of a page.
 */
static void
make_room(EsLeafScan *scan, int nrows)
{
	if (nrows <= scan->size)
		return;
	if (scan->rows != NULL)
		pfree(scan->rows);
	scan->size = 0;
	scan->rows = MemoryContextAlloc(GetMemoryChunkContext(scan),
									nrows * sizeof(ItemPointerData));
	scan->size = nrows;
}

/*
 * copy_rows
 *		Copies the places of the rows of some entries of a page.
 */
static void
copy_rows(EsLeafScan *scan, Page page, OffsetNumber offset, OffsetNumber end)
{
	scan->nrows = 0;
	scan->given = 0;
	for (; offset < end; offset = OffsetNumberNext(offset))
	{
		IndexTuple entry = es_leaf_entry(page, offset);

		if (!BTreeTupleIsPosting(entry))
		{
			scan->rows[scan->nrows++] = entry->t_tid;
			continue;
		}
		for (int i = 0; i < BTreeTupleGetNPosting(entry); i++)
			scan->rows[scan->nrows++] = *BTreeTupleGetPostingN(entry, i);
	}
}

/*
 * read_page
 *		Takes from a page, which the scan holds share-locked, the rows from an
 *		entry on and where to go on, and lets it go, or keeps its pin.
 */
static void
read_page(EsLeafScan *scan, OffsetNumber offset)
{
	Page page = BufferGetPage(scan->buffer);
	BTPageOpaque opaque = BTPageGetOpaque(page);
	int nrows;
	OffsetNumber end = count_rows(scan, page, offset, &nrows);

	make_room(scan, nrows);
	copy_rows(scan, page, offset, end);
	scan->next = InvalidBlockNumber;
	if (end > PageGetMaxOffsetNumber(page) && !P_RIGHTMOST(opaque))
		scan->next = opaque->btpo_next;
	_bt_unlockbuf(scan->by.index, scan->buffer);
	if (!IsMVCCSnapshot(scan->snapshot))
		return;
	ReleaseBuffer(scan->buffer);
	scan->buffer = InvalidBuffer;
}

/*
 * step_right
 *		Goes to the next page, past those that were deleted.
 */
static void
step_right(EsLeafScan *scan)
{
	BTPageOpaque opaque;

	CHECK_FOR_INTERRUPTS();
	if (BufferIsValid(scan->buffer))
		ReleaseBuffer(scan->buffer);
	scan->buffer = InvalidBuffer;
	scan->buffer = es_read_index_page(scan->by.index, scan->next);
	opaque = BTPageGetOpaque(BufferGetPage(scan->buffer));
	if (P_IGNORE(opaque))
	{
		scan->next = P_RIGHTMOST(opaque) ? InvalidBlockNumber : opaque->btpo_next;
		_bt_unlockbuf(scan->by.index, scan->buffer);
		return;
	}
	read_page(scan, P_FIRSTDATAKEY(opaque));
}

/*
 * es_leaf_scan_begin
 *		Starts a scan upwards over the rows whose last key is from lowest to
 *		highest and whose first, if there are two, is the prefix.
 *
 * The snapshot, the table and the index stay as they are until
 * es_leaf_scan_end().
 */
EsLeafScan *
es_leaf_scan_begin(const EsLeafIndex *leaf_index, Snapshot snapshot,
				   int64 prefix, int64 lowest, int64 highest)
{
	EsLeafScan *scan = palloc0(sizeof(EsLeafScan));
	LeafKey key = {Min(leaf_index->nkeys, MAX_KEYS), {prefix, lowest}, false};

	if (leaf_index->nkeys == 1)
		key.values[0] = lowest;
	scan->by = *leaf_index;
	scan->snapshot = snapshot;
	scan->prefix = prefix;
	scan->highest = highest;
	scan->next = InvalidBlockNumber;
	es_row_fetch_begin(&scan->fetch, leaf_index->table);
	scan->buffer = find_page(leaf_index, &key);
	if (BufferIsValid(scan->buffer))
		read_page(scan,
				  find_offset(leaf_index, BufferGetPage(scan->buffer), &key));
	return scan;
}

/*
 * es_leaf_scan_leave_out
 *		Has a scan leave out rows that are not wanted, where it can tell cheaply.
 */
void
es_leaf_scan_leave_out(EsLeafScan *scan, const EsLeafFilter *filter)
{
	if (scan->fetch.by_page && filter->offset >= 0)
		scan->filter = *filter;
}

/*
 * es_leaf_scan_with_streams
 *		Says that the rows' streams are going to be looked up by their ids, which the rows
 *		have at an offset in their data; nothing for -1.
 */
void
es_leaf_scan_with_streams(EsLeafScan *scan, int offset)
{
	scan->fetch.stream_offset = offset;
}

/*
 * is_unwanted
 *		Whether a row is known not to be wanted.
 *
 * It is looked at where it is, without its page's lock, and whether or not the
 * snapshot sees it.  While the page is pinned nobody moves what is on it.  If the
 * place of the row has been used again, or is just being, the row that the scan is
 * after is gone, and what is found does not matter.
 */
static inline bool
is_unwanted(EsLeafScan *scan, const ItemPointerData *place)
{
	OffsetNumber offset = ItemPointerGetOffsetNumber(place);
	Page page;
	ItemId item;
	HeapTupleHeader row;

	page = BufferGetPage(
		es_row_fetch_pin(&scan->fetch, ItemPointerGetBlockNumber(place)));
	if (offset > PageGetMaxOffsetNumber(page))
		return false;
	item = PageGetItemId(page, offset);
	if (!ItemIdIsNormal(item))
		return false;
	row = (HeapTupleHeader) PageGetItem(page, item);
	if (HeapTupleHeaderGetNatts(row) < scan->filter.attnum ||
		row->t_hoff + scan->filter.offset + sizeof(int64) > ItemIdGetLength(item))
		return false;
	return scan->filter.is_unwanted(scan->filter.arg,
									*(int64 *) ((char *) row + row->t_hoff +
												scan->filter.offset));
}

/*
 * es_leaf_scan_next
 *		The next row, into a slot; false after the last.
 */
bool
es_leaf_scan_next(EsLeafScan *scan, TupleTableSlot *slot)
{
	for (;;)
	{
		while (scan->given < scan->nrows)
		{
			ItemPointerData *row = &scan->rows[scan->given];

			es_row_fetch_ahead(&scan->fetch, scan->rows, scan->nrows,
							   scan->given);
			scan->given++;

			if (scan->filter.is_unwanted != NULL && is_unwanted(scan, row))
				continue;
			if (fetch_row(&scan->by, &scan->fetch, scan->snapshot, row, slot))
				return true;
		}
		if (!BlockNumberIsValid(scan->next))
			return false;
		step_right(scan);
	}
}

/*
 * es_leaf_scan_end
 *		Frees a scan.
 */
void
es_leaf_scan_end(EsLeafScan *scan)
{
	es_row_fetch_end(&scan->fetch);
	if (BufferIsValid(scan->buffer))
		ReleaseBuffer(scan->buffer);
	if (scan->rows != NULL)
		pfree(scan->rows);
	pfree(scan);
}
