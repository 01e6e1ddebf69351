/*-------------------------------------------------------------------------
 *
 * stream_names.c
 *	  Names of streams by their ids, for reads over many streams.
 *
 * A page of events tends to name the same streams again and again, so a read
 * keeps what it looked up: at most MAX_NAMES, each in a place that its id chooses and
 * that another one may take, so that the memory of a read over millions of streams
 * stays bounded.  Streams that earlier reads have looked up are found by hints; see
 * hints.c.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stream_names.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hints.h"
#include "row_fetch.h"
#include "store.h"
#include "stream_names.h"

/* Powers of two. */
#define MIN_NAMES 16
#define MAX_NAMES 1024

/* A name that was looked up; a free entry has none. */
typedef struct NameEntry
{
	int64 stream_id;
	text *name;
} NameEntry;

struct EsStreamNames
{
	Relation streams;
	Snapshot snapshot;
	TupleTableSlot *slot;
	Relation index; /* opened by the first look-up without a hint */
	IndexScanDesc scan;
	MemoryContext outer;   /* of all but the names */
	MemoryContext context; /* of the entries and the names; NULL at first */
	uint32 size;
	NameEntry *entries;
};

/*
 * es_stream_names_begin
 *		Starts looking up names, those of so many events at most.  The table of streams
 *		must stay open until es_stream_names_end().
 */
EsStreamNames *
es_stream_names_begin(Relation streams, Snapshot snapshot, int64 max_events)
{
	EsStreamNames *names = palloc0(sizeof(EsStreamNames));

	es_hints_prepare();
	names->streams = streams;
	names->snapshot = snapshot;
	names->slot = table_slot_create(streams, NULL);
	names->outer = CurrentMemoryContext;
	names->size = MIN_NAMES;
	while (names->size < MAX_NAMES && names->size < max_events)
		names->size *= 2;
	return names;
}

/*
 * es_stream_names_end
 *		Frees all names and what looked them up.
 */
void
es_stream_names_end(EsStreamNames *names)
{
	ExecDropSingleTupleTableSlot(names->slot);
	if (names->scan != NULL)
	{
		index_endscan(names->scan);
		index_close(names->index, AccessShareLock);
	}
	if (names->context != NULL)
		MemoryContextDelete(names->context);
	pfree(names);
}

/*
 * make_entries
 *		Makes room for names.
 */
static void
make_entries(EsStreamNames *names)
{
	names->context =
		AllocSetContextCreate(names->outer, "event_store stream names",
							  ALLOCSET_DEFAULT_SIZES);
	names->entries =
		MemoryContextAllocZero(names->context, names->size * sizeof(NameEntry));
}

/*
 * fetch_hinted
 *		The row of a stream where a hint says it is.
 */
static bool
fetch_hinted(EsStreamNames *names, int64 stream_id, uint64 key)
{
	EsSeenRow row;
	Buffer hinted;

	if (!es_hint_get(key, &row))
		return false;
	hinted = row.buffer;
	if (!es_fetch_seen_row(names->streams, &row, names->snapshot, names->slot) ||
		DatumGetInt64(es_column(names->slot, ES_STREAMS, STR_STREAM_ID)) !=
			stream_id)
		return false;
	if (row.buffer != hinted)
		es_hint_note(key, &row);
	return true;
}

/*
 * fetch_by_id
 *		The row of a stream by the index of ids.  What the scan keeps lives as
 *		long as the names, not as the caller's row.
 */
static bool
fetch_by_id(EsStreamNames *names, int64 stream_id, uint64 hint_key)
{
	MemoryContext caller = MemoryContextSwitchTo(names->outer);
	ScanKeyData key;
	bool found;

	if (names->scan == NULL)
	{
		names->index = es_store_open_index(ES_STREAMS_BY_ID, AccessShareLock);
		names->scan =
			es_index_beginscan(names->streams, names->index, names->snapshot, 1);
	}
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(stream_id));
	index_rescan(names->scan, &key, 1, NULL, 0);
	found = index_getnext_slot(names->scan, ForwardScanDirection, names->slot);
	MemoryContextSwitchTo(caller);
	if (found)
	{
		EsSeenRow row = {names->slot->tts_tid, es_buffer_of(names->slot)};

		es_hint_note(hint_key, &row);
	}
	return found;
}

/*
 * look_up
 *		A copy of a stream's name in a context; raises XX001 for an event without
 *		a stream.
 */
static text *
look_up(EsStreamNames *names, int64 stream_id, MemoryContext context)
{
	uint64 key = es_hint_key_of_id(stream_id);
	MemoryContext caller;
	text *name;

	if (!fetch_hinted(names, stream_id, key) &&
		!fetch_by_id(names, stream_id, key))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("an event belongs to stream %lld, which does not exist",
						(long long) stream_id)));
	caller = MemoryContextSwitchTo(context);
	name = DatumGetTextPCopy(es_column(names->slot, ES_STREAMS, STR_STREAM));
	MemoryContextSwitchTo(caller);
	ExecClearTuple(names->slot);
	return name;
}

/*
 * es_stream_names_get
 *		Name of the stream with an id, good until the next call; raises XX001
 *		for an event without a stream.
 */
text *
es_stream_names_get(EsStreamNames *names, int64 stream_id)
{
	NameEntry *entry;
	text *name;

	if (names->context == NULL)
		make_entries(names);
	entry = &names->entries[stream_id & (names->size - 1)];
	if (entry->name != NULL && entry->stream_id == stream_id)
		return entry->name;
	name = look_up(names, stream_id, names->context);
	if (entry->name != NULL)
		pfree(entry->name);
	entry->name = name;
	entry->stream_id = stream_id;
	return name;
}

/*
 * es_stream_name
 *		Name of a single stream, palloc'd; raises XX001 when there is none with
 *		that id.
 */
text *
es_stream_name(Relation streams, Snapshot snapshot, int64 stream_id)
{
	EsStreamNames *names = es_stream_names_begin(streams, snapshot, 1);
	text *name = look_up(names, stream_id, CurrentMemoryContext);

	es_stream_names_end(names);
	return name;
}
