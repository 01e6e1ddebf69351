/*-------------------------------------------------------------------------
 *
 * read_stream.c
 *	  Reading single streams.
 *
 * These reads see what the calling query sees: the active snapshot.  They need
 * no care about order, as a stream's versions commit in order.
 *
 * The lock on the table of events is kept to the end of the transaction, as a
 * query keeps its locks: large data in the result is fetched later.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/read_stream.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "event_rows.h"
#include "read_stream.h"
#include "scan.h"
#include "store.h"
#include "stream.h"

PG_FUNCTION_INFO_V1(event_store_read_stream);
PG_FUNCTION_INFO_V1(event_store_last_event);
PG_FUNCTION_INFO_V1(event_store_stream_version);

/*
 * find_readable_stream
 *		Looks up a stream as the active snapshot sees it.
 */
static bool
find_readable_stream(const text *stream, EsStream *found)
{
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);
	bool exists = es_find_stream(streams, GetActiveSnapshot(), stream, found);

	table_close(streams, AccessShareLock);
	return exists;
}

/*
 * is_after
 *		Whether an event was recorded after a time.
 */
static bool
is_after(TupleTableSlot *slot, TimestampTz as_of)
{
	return DatumGetTimestampTz(es_column(slot, ES_EVENTS, EV_RECORDED_AT)) >
		as_of;
}

/*
 * put_stream
 *		Puts the events of a stream into the result.
 *
 * Since recorded_at never goes backwards in a stream, forwards the first event
 * after as_of ends the read, and backwards those after it come first.
 */
static void
put_stream(EsEventRows *rows, text *stream, int64 stream_id,
		   const EsRange *range, int64 max_count, const TimestampTz *as_of)
{
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	EsScan *scan = es_scan_stream(events, GetActiveSnapshot(), stream_id, range);
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(row_context);
	TupleTableSlot *slot;

	while (max_count > 0 && (slot = es_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (as_of != NULL && is_after(slot, *as_of))
		{
			if (range->backwards)
				continue;
			break;
		}
		es_event_rows_put(rows, slot, stream);
		MemoryContextReset(row_context);
		max_count--;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row_context);
	es_scan_end(scan);
	table_close(events, NoLock);
}

/*
 * event_store_read_stream
 *		read_stream(stream, from_version, max_count, backwards, to_version,
 *		as_of, raw) returns setof event
 */
Datum
event_store_read_stream(PG_FUNCTION_ARGS)
{
	text *stream = es_stream_argument(fcinfo, 0);
	int64 max_count = es_count_argument(fcinfo, 2);
	TimestampTz as_of = 0;
	EsEventRows *rows;
	EsStream found;
	EsRange range;

	range.lowest = es_bigint_argument(fcinfo, 1, 1);
	es_check_not_negative(range.lowest, "from_version");
	range.highest = es_bigint_argument(fcinfo, 4, PG_INT64_MAX);
	es_check_not_negative(range.highest, "to_version");
	range.backwards = es_boolean_argument(fcinfo, 3);
	if (!PG_ARGISNULL(5))
		as_of = PG_GETARG_TIMESTAMPTZ(5);

	rows = es_event_rows_begin(fcinfo);
	if (find_readable_stream(stream, &found))
		put_stream(rows, stream, found.stream_id, &range, max_count,
				   PG_ARGISNULL(5) ? NULL : &as_of);
	return (Datum) 0;
}

/*
 * is_type
 *		Whether an event is of a type.
 */
static bool
is_type(TupleTableSlot *slot, const text *type)
{
	text *actual = DatumGetTextPP(es_column(slot, ES_EVENTS, EV_TYPE));

	return es_compare_texts(&actual, &type) == 0;
}

/*
 * put_last_event
 *		Puts a stream's last event, or its last of a type, into the result.
 */
static void
put_last_event(EsEventRows *rows, text *stream, int64 stream_id, const text *type)
{
	EsRange range = {1, PG_INT64_MAX, true};
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	EsScan *scan = es_scan_stream(events, GetActiveSnapshot(), stream_id, &range);
	TupleTableSlot *slot;

	while ((slot = es_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (type == NULL || is_type(slot, type))
		{
			es_event_rows_put(rows, slot, stream);
			break;
		}
	}
	es_scan_end(scan);
	table_close(events, NoLock);
}

/*
 * event_store_last_event
 *		last_event(stream, type) returns setof event
 */
Datum
event_store_last_event(PG_FUNCTION_ARGS)
{
	text *stream = es_stream_argument(fcinfo, 0);
	text *type = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	EsEventRows *rows = es_event_rows_begin(fcinfo);
	EsStream found;

	if (find_readable_stream(stream, &found))
		put_last_event(rows, stream, found.stream_id, type);
	return (Datum) 0;
}

/*
 * event_store_stream_version
 *		stream_version(stream) returns bigint
 */
Datum
event_store_stream_version(PG_FUNCTION_ARGS)
{
	text *stream = es_stream_argument(fcinfo, 0);
	EsStream found;
	EsHead head;
	Relation events;

	if (!find_readable_stream(stream, &found))
		PG_RETURN_INT64(0);
	events = es_store_open(ES_EVENTS, AccessShareLock);
	es_stream_head(events, GetActiveSnapshot(), &found, &head);
	table_close(events, NoLock);
	PG_RETURN_INT64(head.version);
}

/*
 * find_columns
 *		Numbers of the columns of events, looked up once for all events of a
 *		visit.
 */
static void
find_columns(AttrNumber *numbers)
{
	for (int column = 0; column < EV_NUM_COLUMNS; column++)
		numbers[column] = es_store_attnum(ES_EVENTS, column);
}

/*
 * visit_column
 *		A column of an event, all of whose columns are at hand; es_column()
 *		raises for a null.
 */
static inline Datum
visit_column(TupleTableSlot *slot, const AttrNumber *numbers,
			 EsEventsColumn column)
{
	int i = numbers[column] - 1;

	if (unlikely(slot->tts_isnull[i]))
		return es_column(slot, ES_EVENTS, column);
	return slot->tts_values[i];
}

/*
 * visit_event
 *		Hands an event to a visitor.
 */
static void
visit_event(TupleTableSlot *slot, const AttrNumber *numbers,
			EventStoreVisit visit, void *arg)
{
	EventStoreEvent event;

	slot_getallattrs(slot);
	event.global_position =
		DatumGetInt64(visit_column(slot, numbers, EV_GLOBAL_POSITION));
	event.version = DatumGetInt64(visit_column(slot, numbers, EV_VERSION));
	event.recorded_at =
		DatumGetTimestampTz(visit_column(slot, numbers, EV_RECORDED_AT));
	event.schema_version =
		DatumGetInt32(visit_column(slot, numbers, EV_SCHEMA_VERSION));
	event.type = TextDatumGetCString(visit_column(slot, numbers, EV_TYPE));
	event.data = visit_column(slot, numbers, EV_DATA);
	event.metadata = visit_column(slot, numbers, EV_METADATA);
	visit(&event, arg);
}

/*
 * visit_all
 *		Visits the events of a scan, up to as_of.
 */
static void
visit_all(EsScan *scan, const TimestampTz *as_of, EventStoreVisit visit, void *arg)
{
	MemoryContext event_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store event",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(event_context);
	AttrNumber numbers[EV_NUM_COLUMNS];
	TupleTableSlot *slot;

	find_columns(numbers);
	while ((slot = es_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (as_of != NULL && is_after(slot, *as_of))
			break;
		visit_event(slot, numbers, visit, arg);
		MemoryContextReset(event_context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(event_context);
}

/*
 * es_visit_stream_in
 *		Visits the events of a stream that a snapshot sees, by version; the
 *		tables are open.
 */
void
es_visit_stream_in(Relation events, Relation streams, const text *stream,
				   Snapshot snapshot, const TimestampTz *as_of,
				   EventStoreVisit visit, void *arg)
{
	EsRange range = {1, PG_INT64_MAX, false};
	EsStream found;
	EsScan *scan;

	if (!es_find_stream(streams, snapshot, stream, &found))
		return;
	scan = es_scan_stream(events, snapshot, found.stream_id, &range);
	visit_all(scan, as_of, visit, arg);
	es_scan_end(scan);
}

/*
 * es_visit_stream
 *		Visits the events of a stream that a snapshot sees, by version.
 */
void
es_visit_stream(const text *stream, Snapshot snapshot, const TimestampTz *as_of,
				EventStoreVisit visit, void *arg)
{
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);

	es_visit_stream_in(events, streams, stream, snapshot, as_of, visit, arg);
	table_close(events, NoLock);
	table_close(streams, AccessShareLock);
}
