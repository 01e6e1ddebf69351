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
 * Where it may be gone before the transaction ends, the look is registered as the
 * read that it is.
 *
 * Streams that were seen before are found by hints; see hints.c.
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
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "compat.h"
#include "hash_chain.h"
#include "hints.h"
#include "leaf.h"
#include "locks.h"
#include "probe.h"
#include "row_fetch.h"
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
 * scan_for_one
 *		The first row of an index scan by equality.
 */
static bool
scan_for_one(Relation table, Relation index, Snapshot snapshot, ScanKey key,
			 ScanDirection direction, TupleTableSlot *slot)
{
	IndexScanDesc scan = es_index_beginscan(table, index, snapshot, 1);
	bool found;

	index_rescan(scan, key, 1, NULL, 0);
	found = index_getnext_slot(scan, direction, slot);
	index_endscan(scan);
	return found;
}

/*
 * fetch_named
 *		The row with a name by a unique index of names.
 */
static bool
fetch_named(Relation table, EsIndexId index_id, Snapshot snapshot,
			const text *name, TupleTableSlot *slot)
{
	Relation index = es_store_open_index(index_id, AccessShareLock);
	Datum value = PointerGetDatum(name);
	bool found = es_probe(table, index, snapshot, value, slot);

	if (!found)
	{
		ScanKeyData key;

		ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid,
							   index->rd_indcollation[0], F_TEXTEQ, value);
		found = scan_for_one(table, index, snapshot, &key, ForwardScanDirection,
							 slot);
	}
	index_close(index, AccessShareLock);
	return found;
}

/*
 * es_find_category
 *		Looks up a category's id by its name.
 */
bool
es_find_category(Relation categories, Snapshot snapshot, const text *category,
				 int64 *category_id)
{
	TupleTableSlot *slot = table_slot_create(categories, NULL);
	bool found =
		fetch_named(categories, ES_CATEGORIES_BY_NAME, snapshot, category, slot);

	if (found)
		*category_id =
			DatumGetInt64(es_column(slot, ES_CATEGORIES, CAT_CATEGORY_ID));
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/*
 * fetch_hinted
 *		The row of a stream where a hint says it is, if it is there.
 */
static bool
fetch_hinted(Relation streams, Snapshot snapshot, const text *stream,
			 uint64 key, TupleTableSlot *slot)
{
	EsSeenRow row;
	Buffer hinted;
	text *name;

	if (!es_hint_get(key, &row))
		return false;
	hinted = row.buffer;
	if (!es_fetch_seen_row(streams, &row, snapshot, slot))
		return false;
	name = DatumGetTextPP(es_column(slot, ES_STREAMS, STR_STREAM));
	if (es_compare_texts(&name, &stream) != 0)
		return false;
	if (row.buffer != hinted)
		es_hint_note(key, &row);
	return true;
}

/*
 * fetch_stream
 *		The row of a stream by its name.
 */
static bool
fetch_stream(Relation streams, Snapshot snapshot, const text *stream,
			 TupleTableSlot *slot)
{
	uint64 key = es_stream_key(stream);
	EsSeenRow row;

	if (fetch_hinted(streams, snapshot, stream, key, slot))
		return true;
	if (!fetch_named(streams, ES_STREAMS_BY_NAME, snapshot, stream, slot))
		return false;
	row.place = slot->tts_tid;
	row.buffer = es_buffer_of(slot);
	es_hint_note(key, &row);
	return true;
}

/*
 * es_find_stream
 *		Looks up a stream by its name.
 */
bool
es_find_stream(Relation streams, Snapshot snapshot, const text *stream,
			   EsStream *row)
{
	TupleTableSlot *slot;
	bool found;

	es_hints_prepare();
	slot = table_slot_create(streams, NULL);
	found = fetch_stream(streams, snapshot, stream, slot);

	if (found)
	{
		row->stream_id =
			DatumGetInt64(es_column(slot, ES_STREAMS, STR_STREAM_ID));
		row->category_id =
			DatumGetInt64(es_column(slot, ES_STREAMS, STR_CATEGORY_ID));
		row->base_version =
			DatumGetInt64(es_column(slot, ES_STREAMS, STR_BASE_VERSION));
		row->created_at =
			DatumGetTimestampTz(es_column(slot, ES_STREAMS, STR_CREATED_AT));
	}
	ExecDropSingleTupleTableSlot(slot);
	return found;
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
 *		The last event of a stream.
 */
static bool
fetch_last(Relation events, Relation index, Snapshot snapshot, int64 stream_id,
		   TupleTableSlot *slot)
{
	EsLeafIndex by_version = {events, index, 2};
	ScanKeyData key;

	if (es_row_fetch_allows(snapshot) &&
		es_leaf_last(&by_version, snapshot, stream_id, slot))
		return true;
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(stream_id));
	return scan_for_one(events, index, snapshot, &key, BackwardScanDirection,
						slot);
}

/*
 * es_head_begin
 *		Where a stream ends of which no event has been seen.
 */
void
es_head_begin(EsHead *head, int64 base_version)
{
	memset(head, 0, sizeof(EsHead));
	head->version = base_version;
	head->recorded_at = DT_NOBEGIN;
}

/*
 * es_head_note
 *		Moves a head on to an event of its stream.
 */
void
es_head_note(EsHead *head, TupleTableSlot *event)
{
	int64 version = DatumGetInt64(es_column(event, ES_EVENTS, EV_VERSION));

	head->version = Max(head->version, version);
	head->recorded_at =
		DatumGetTimestampTz(es_column(event, ES_EVENTS, EV_RECORDED_AT));
	if (es_has_hash_chain())
		(void) es_event_hash(event, &head->hash);
}

/*
 * es_stream_head_by_index
 *		A stream's version and when its last event was recorded, by the index of
 *		versions.
 *
 * With SnapshotSelf, which needs the stream's lock, it also tells whether the
 * stream moved past the transaction's snapshot.
 */
void
es_stream_head_by_index(Relation events, Relation index, Snapshot snapshot,
						const EsStream *stream, EsHead *head)
{
	TupleTableSlot *slot = table_slot_create(events, NULL);

	es_head_begin(head, stream->base_version);
	if (fetch_last(events, index, snapshot, stream->stream_id, slot))
	{
		es_head_note(head, slot);
		head->unseen = snapshot == SnapshotSelf && is_unseen(events, slot);
	}
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

/*
 * es_register_look
 *		Lets a SERIALIZABLE transaction's look at where a stream ends be seen as the
 *		read that it is.  Raises 40001 where that is one too many.
 */
void
es_register_look(Relation events, Relation streams, const text *stream)
{
	Snapshot snapshot;
	EsStream row;
	EsHead head;

	if (!IsolationIsSerializable())
		return;
	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	if (es_find_stream(streams, snapshot, stream, &row))
		es_stream_head(events, snapshot, &row, &head);
	UnregisterSnapshot(snapshot);
}

/*
 * es_register_locked_look
 *		The same for one under the stream's lock, which is in its place as long as it
 *		is held: in a subtransaction, whose rollback gives it back.
 *
 * A transaction that goes on in spite of an error is in a subtransaction, too; so this
 * comes before what may raise one that tells of the stream.
 */
void
es_register_locked_look(Relation events, Relation streams, const text *stream)
{
	if (GetCurrentTransactionNestLevel() > 1)
		es_register_look(events, streams, stream);
}
