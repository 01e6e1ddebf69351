/*-------------------------------------------------------------------------
 *
 * stream.c
 *	  Streams and categories: finding them, and a stream's head.
 *
 * All look-ups go through an index and take the snapshot to see with.  An
 * appender, who holds the stream's lock, uses SnapshotSelf: it sees all that
 * is committed, and what its own command appended a moment ago, which no MVCC
 * snapshot does; and it takes no predicate locks, so that serializable
 * transactions on disjoint streams do not fail for sharing an index page.
 * Only the lock makes that right: nobody else can add to the stream meanwhile.
 *
 * Streams that this backend has seen before are found by hints; see hints.c.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stream.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "compat.h"
#include "hints.h"
#include "locks.h"
#include "store.h"
#include "stream.h"

/*
 * es_category_length
 *		How many bytes of a stream's name are its category: those before the
 *		first "-", or all.
 */
int
es_category_length(const char *stream, int len)
{
	const char *dash = memchr(stream, '-', len);

	return dash != NULL ? (int) (dash - stream) : len;
}

/*
 * es_stream_category
 *		The category of a stream, a new text.
 */
text *
es_stream_category(const text *stream)
{
	return cstring_to_text_with_len(VARDATA_ANY(stream),
									es_category_length(VARDATA_ANY(stream),
													   VARSIZE_ANY_EXHDR(stream)));
}

/*
 * text_key
 *		Scan key for an index's first column, a text.
 */
static void
text_key(ScanKey key, Relation index, Datum value)
{
	ScanKeyEntryInitialize(key, 0, 1, BTEqualStrategyNumber, InvalidOid,
						   index->rd_indcollation[0], F_TEXTEQ, value);
}

/*
 * fetch_one
 *		The first row of an index scan by equality, in a new slot that the
 *		caller drops; NULL when there is none.
 */
static TupleTableSlot *
fetch_one(Relation table, Relation index, Snapshot snapshot, ScanKey key)
{
	TupleTableSlot *slot = table_slot_create(table, NULL);
	IndexScanDesc scan = es_index_beginscan(table, index, snapshot, 1);
	bool found;

	index_rescan(scan, key, 1, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	if (found)
		ExecMaterializeSlot(slot);
	index_endscan(scan);
	if (found)
		return slot;
	ExecDropSingleTupleTableSlot(slot);
	return NULL;
}

/*
 * es_find_category
 *		Looks up a category's id by its name.
 */
bool
es_find_category(Relation categories, Snapshot snapshot, const text *category,
				 int64 *category_id)
{
	Relation index = es_store_open_index(ES_CATEGORIES_BY_NAME, AccessShareLock);
	TupleTableSlot *slot;
	ScanKeyData key;

	text_key(&key, index, PointerGetDatum(category));
	slot = fetch_one(categories, index, snapshot, &key);
	if (slot != NULL)
	{
		*category_id =
			DatumGetInt64(es_column(slot, ES_CATEGORIES, CAT_CATEGORY_ID));
		ExecDropSingleTupleTableSlot(slot);
	}
	index_close(index, AccessShareLock);
	return slot != NULL;
}

/*
 * fetch_hinted
 *		The row of a stream where a hint says it is, in a new slot that the
 *		caller drops; NULL when it is not there.
 *
 * A vacuum may have cut off the end of the table, where the row was.
 */
static TupleTableSlot *
fetch_hinted(Relation streams, Snapshot snapshot, const text *stream,
			 ItemPointer row)
{
	TupleTableSlot *slot;

	if (ItemPointerGetBlockNumber(row) >= RelationGetNumberOfBlocks(streams))
		return NULL;
	slot = table_slot_create(streams, NULL);
	if (table_tuple_fetch_row_version(streams, row, snapshot, slot))
	{
		text *name = DatumGetTextPP(es_column(slot, ES_STREAMS, STR_STREAM));

		if (es_compare_texts(&name, &stream) == 0)
			return slot;
	}
	ExecDropSingleTupleTableSlot(slot);
	return NULL;
}

/*
 * fetch_named
 *		The row of a stream by the index of names, in a new slot that the caller
 *		drops; NULL when there is none.
 */
static TupleTableSlot *
fetch_named(Relation streams, Snapshot snapshot, const text *stream)
{
	Relation index = es_store_open_index(ES_STREAMS_BY_NAME, AccessShareLock);
	TupleTableSlot *slot;
	ScanKeyData key;

	text_key(&key, index, PointerGetDatum(stream));
	slot = fetch_one(streams, index, snapshot, &key);
	index_close(index, AccessShareLock);
	return slot;
}

/*
 * es_find_stream
 *		Looks up a stream by its name.
 */
bool
es_find_stream(Relation streams, Snapshot snapshot, const text *stream,
			   EsStream *found)
{
	uint64 key = es_stream_key(stream);
	TupleTableSlot *slot = NULL;
	ItemPointerData row;

	found->version_hint = 0;
	if (es_hint_get(key, &row, &found->version_hint))
		slot = fetch_hinted(streams, snapshot, stream, &row);
	if (slot == NULL)
	{
		slot = fetch_named(streams, snapshot, stream);
		if (slot == NULL)
			return false;
		es_hint_note_row(key, &slot->tts_tid);
	}
	found->stream_id = DatumGetInt64(es_column(slot, ES_STREAMS, STR_STREAM_ID));
	found->category_id =
		DatumGetInt64(es_column(slot, ES_STREAMS, STR_CATEGORY_ID));
	found->base_version =
		DatumGetInt64(es_column(slot, ES_STREAMS, STR_BASE_VERSION));
	found->created_at =
		DatumGetTimestampTz(es_column(slot, ES_STREAMS, STR_CREATED_AT));
	ExecDropSingleTupleTableSlot(slot);
	return true;
}

/*
 * is_unseen
 *		Whether a row, just fetched with SnapshotSelf, is neither visible to
 *		the transaction's snapshot nor the transaction's own.
 *
 * Only transactions that keep one snapshot have a past to be consistent with.
 */
static bool
is_unseen(Relation events, TupleTableSlot *slot)
{
	bool isnull;
	TransactionId xmin;

	if (!IsolationUsesXactSnapshot())
		return false;
	if (table_tuple_satisfies_snapshot(events, slot, GetTransactionSnapshot()))
		return false;
	xmin = DatumGetTransactionId(
		slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull));
	return !TransactionIdIsCurrentTransactionId(xmin);
}

/*
 * fetch_last
 *		The last event of a stream that is not before a version.
 */
static bool
fetch_last(IndexScanDesc scan, int64 stream_id, int64 version,
		   TupleTableSlot *slot)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(stream_id));
	ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_INT8GE,
				Int64GetDatum(version));
	index_rescan(scan, keys, lengthof(keys), NULL, 0);
	return index_getnext_slot(scan, BackwardScanDirection, slot);
}

/*
 * es_stream_head_by_index
 *		A stream's version and when its last event was recorded, by the index of
 *		versions.
 *
 * With SnapshotSelf, which needs the stream's lock, it also tells whether the
 * stream moved past the transaction's snapshot.
 *
 * A scan backwards reads all entries of the stream on the index page where it
 * ends, unless it knows of one near to the end.
 */
void
es_stream_head_by_index(Relation events, Relation index, Snapshot snapshot,
						const EsStream *stream, EsHead *head)
{
	TupleTableSlot *slot = table_slot_create(events, NULL);
	IndexScanDesc scan = es_index_beginscan(events, index, snapshot, 2);

	head->version = stream->base_version;
	head->recorded_at = DT_NOBEGIN;
	head->unseen = false;

	if ((stream->version_hint > 0 &&
		 fetch_last(scan, stream->stream_id, stream->version_hint, slot)) ||
		fetch_last(scan, stream->stream_id, 0, slot))
	{
		int64 version = DatumGetInt64(es_column(slot, ES_EVENTS, EV_VERSION));

		head->version = Max(head->version, version);
		head->recorded_at =
			DatumGetTimestampTz(es_column(slot, ES_EVENTS, EV_RECORDED_AT));
		head->unseen = snapshot == SnapshotSelf && is_unseen(events, slot);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * es_stream_head
 *		The same for a caller that has not opened the index.
 */
void
es_stream_head(Relation events, Snapshot snapshot, const EsStream *stream,
			   EsHead *head)
{
	Relation index = es_store_open_index(ES_EVENTS_BY_VERSION, AccessShareLock);

	es_stream_head_by_index(events, index, snapshot, stream, head);
	index_close(index, AccessShareLock);
}
