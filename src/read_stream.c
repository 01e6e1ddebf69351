/*-------------------------------------------------------------------------
 *
 * read_stream.c
 *	  Reading single streams.
 *
 * These reads see what the calling query sees: the active snapshot.  They need
 * no care about order, as a stream's versions commit in order.
 *
 * Locks are kept to the end of the transaction, as a query keeps its locks: large
 * data in the result is fetched later.
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
#include "utils/snapmgr.h"

#include "call_scan.h"
#include "check.h"
#include "event_columns.h"
#include "scan.h"
#include "store.h"
#include "stream.h"
#include "upcast.h"

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

	table_close(streams, NoLock);
	return exists;
}

/* A read of a stream, see call_scan.h. */
typedef struct StreamRead
{
	text *stream;
	EsRange range;
	int64 max_count;
	bool has_as_of;
	TimestampTz as_of;
	const text *type; /* NULL for all */
	bool raw;

	int64 stream_id;
	int64 left; /* how many events are still to be given */
	Snapshot snapshot;
	Relation events; /* NULL for a stream that does not exist */
	EsEventColumns *columns;
	EsUpcasting *upcasting; /* for the type asked for; NULL for nothing to do */
	EsScan *scan;
} StreamRead;

/*
 * start_scan
 *		Starts with the first event.
 */
static void
start_scan(StreamRead *read)
{
	read->left = read->max_count;
	read->scan = es_scan_stream(read->events, read->snapshot, read->stream_id,
								&read->range);
}

/*
 * begin_read
 *		Finds the stream, as the query sees it, and starts to read it.
 */
static void *
begin_read(StreamRead *read, Oid type, const AttrNumber *wanted, int nwanted)
{
	EsStream found;

	if (!find_readable_stream(read->stream, &found))
		return read;
	read->stream_id = found.stream_id;
	read->snapshot = RegisterSnapshot(GetActiveSnapshot());
	read->events = es_store_open(ES_EVENTS, AccessShareLock);
	read->columns =
		es_event_columns(type, wanted, nwanted, es_upcasting(read->raw));
	read->upcasting = read->type == NULL ? NULL : es_upcasting(false);
	start_scan(read);
	return read;
}

/*
 * begin_read_stream
 *		read_stream(stream, from_version, max_count, backwards, to_version,
 *		as_of, raw)
 */
static void *
begin_read_stream(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted,
				  int nwanted)
{
	StreamRead *read = palloc0(sizeof(StreamRead));

	read->stream = es_stream_argument(fcinfo, 0);
	read->max_count = es_count_argument(fcinfo, 2);
	read->range.lowest = es_bigint_argument(fcinfo, 1, 1);
	es_check_not_negative(read->range.lowest, "from_version");
	read->range.highest = es_bigint_argument(fcinfo, 4, PG_INT64_MAX);
	es_check_not_negative(read->range.highest, "to_version");
	read->range.backwards = es_boolean_argument(fcinfo, 3);
	read->has_as_of = !PG_ARGISNULL(5);
	if (read->has_as_of)
		read->as_of = PG_GETARG_TIMESTAMPTZ(5);
	read->raw = es_boolean_argument(fcinfo, 6);
	return begin_read(read, type, wanted, nwanted);
}

/*
 * begin_last_event
 *		last_event(stream, type)
 */
static void *
begin_last_event(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted,
				 int nwanted)
{
	StreamRead *read = palloc0(sizeof(StreamRead));

	read->stream = es_stream_argument(fcinfo, 0);
	read->type = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	read->range.lowest = 1;
	read->range.highest = PG_INT64_MAX;
	read->range.backwards = true;
	read->max_count = 1;
	return begin_read(read, type, wanted, nwanted);
}

/*
 * is_type
 *		Whether an event is of the type asked for, as of today.
 */
static bool
is_type(const StreamRead *read, TupleTableSlot *slot)
{
	const text *actual = es_upcast_name(read->upcasting, slot);

	return es_compare_texts(&actual, &read->type) == 0;
}

/*
 * next_event
 *		The next event of a read; NULL after the last.
 *
 * Since recorded_at never goes backwards in a stream, forwards the first event
 * after as_of ends the read, and backwards those after it come first.
 */
static TupleTableSlot *
next_event(StreamRead *read)
{
	TupleTableSlot *slot;

	while ((slot = es_scan_next(read->scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (read->has_as_of && es_recorded_after(slot, read->as_of))
		{
			if (read->range.backwards)
				continue;
			break;
		}
		if (read->type == NULL || is_type(read, slot))
			return slot;
	}
	return NULL;
}

/*
 * next_row
 *		The columns of the next event.
 */
static bool
next_row(void *call, Datum *values, bool *nulls)
{
	StreamRead *read = call;
	TupleTableSlot *slot;

	if (read->events == NULL || read->left <= 0)
		return false;
	slot = next_event(read);
	if (slot == NULL)
	{
		read->left = 0;
		return false;
	}
	read->left--;
	es_event_columns_fill(read->columns, slot, read->stream, values, nulls);
	return true;
}

/*
 * rewind_read
 *		Starts over.
 */
static void
rewind_read(void *call)
{
	StreamRead *read = call;

	if (read->events == NULL)
		return;
	es_scan_end(read->scan);
	start_scan(read);
}

/*
 * end_read
 *		Frees what a read holds.
 */
static void
end_read(void *call)
{
	StreamRead *read = call;

	if (read->events == NULL)
		return;
	es_scan_end(read->scan);
	table_close(read->events, NoLock);
	UnregisterSnapshot(read->snapshot);
}

const EsCallMethods es_read_stream_call = {event_store_read_stream,
										   "event_store_read_stream",
										   begin_read_stream,
										   next_row,
										   rewind_read,
										   end_read};
const EsCallMethods es_last_event_call = {event_store_last_event,
										  "event_store_last_event",
										  begin_last_event,
										  next_row,
										  rewind_read,
										  end_read};

/*
 * event_store_read_stream
 *		See begin_read_stream(); returns setof event.
 */
Datum
event_store_read_stream(PG_FUNCTION_ARGS)
{
	return es_put_rows(fcinfo, &es_read_stream_call);
}

/*
 * event_store_last_event
 *		See begin_last_event(); returns setof event.
 */
Datum
event_store_last_event(PG_FUNCTION_ARGS)
{
	return es_put_rows(fcinfo, &es_last_event_call);
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
