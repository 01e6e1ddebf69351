/*-------------------------------------------------------------------------
 *
 * read.c
 *	  Reading the store: single streams, categories, and all of it.
 *
 * Reads of one stream see what the calling query sees: the active snapshot.
 * They need no care about order, as a stream's versions commit in order.
 *
 * Reads of a category or of the store go up to the safe position only, and
 * take a fresh snapshot after it was computed, at every isolation level: a
 * snapshot from before could hide an event at or below it.  A transaction at
 * REPEATABLE READ may so see events here that its other statements do not.
 *
 * The lock on the table of events is kept to the end of the transaction, as a
 * query keeps its locks: large data in the result is fetched later.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/read.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "event_rows.h"
#include "position.h"
#include "read.h"
#include "scan.h"
#include "store.h"
#include "stream.h"
#include "stream_names.h"

PG_FUNCTION_INFO_V1(event_store_read_stream);
PG_FUNCTION_INFO_V1(event_store_read_category);
PG_FUNCTION_INFO_V1(event_store_read_all);
PG_FUNCTION_INFO_V1(event_store_last_event);
PG_FUNCTION_INFO_V1(event_store_stream_version);
PG_FUNCTION_INFO_V1(event_store_safe_position);

/* What a read of many streams asks for. */
typedef struct StoreQuery
{
	EsRange range;
	int64 max_count;
	bool all_categories;
	int ncategories; /* known ones */
	text **categories;
	int ntypes; /* -1: all */
	text **types;
} StoreQuery;

/*
 * bigint_argument
 *		An optional argument: NULL stands for the value given.
 */
static int64
bigint_argument(FunctionCallInfo fcinfo, int arg, int64 if_null)
{
	return PG_ARGISNULL(arg) ? if_null : PG_GETARG_INT64(arg);
}

/*
 * count_argument
 *		A max_count: NULL is all.
 */
static int64
count_argument(FunctionCallInfo fcinfo, int arg)
{
	int64 max_count = bigint_argument(fcinfo, arg, PG_INT64_MAX);

	es_check_count(max_count);
	return max_count;
}

/*
 * boolean_argument
 *		An optional flag: NULL is false.
 */
static bool
boolean_argument(FunctionCallInfo fcinfo, int arg)
{
	return !PG_ARGISNULL(arg) && PG_GETARG_BOOL(arg);
}

/* Single streams ---------------------------------------------------------- */

/*
 * event_column
 *		A column of an event.
 */
static Datum
event_column(TupleTableSlot *slot, EsEventsColumn column)
{
	bool isnull;

	return slot_getattr(slot, es_store_attnum(ES_EVENTS, column), &isnull);
}

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
	return DatumGetTimestampTz(event_column(slot, EV_RECORDED_AT)) > as_of;
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
	int64 max_count = count_argument(fcinfo, 2);
	TimestampTz as_of = 0;
	EsEventRows *rows;
	EsStream found;
	EsRange range;

	range.lowest = bigint_argument(fcinfo, 1, 1);
	es_check_not_negative(range.lowest, "from_version");
	range.highest = bigint_argument(fcinfo, 4, PG_INT64_MAX);
	es_check_not_negative(range.highest, "to_version");
	range.backwards = boolean_argument(fcinfo, 3);
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
	text *actual = DatumGetTextPP(event_column(slot, EV_TYPE));

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
 * visit_event
 *		Hands an event to a visitor.
 */
static void
visit_event(TupleTableSlot *slot, EventStoreVisit visit, void *arg)
{
	EventStoreEvent event;

	event.global_position = DatumGetInt64(event_column(slot, EV_GLOBAL_POSITION));
	event.version = DatumGetInt64(event_column(slot, EV_VERSION));
	event.recorded_at = DatumGetTimestampTz(event_column(slot, EV_RECORDED_AT));
	event.schema_version = DatumGetInt32(event_column(slot, EV_SCHEMA_VERSION));
	event.type = TextDatumGetCString(event_column(slot, EV_TYPE));
	event.data = event_column(slot, EV_DATA);
	event.metadata = event_column(slot, EV_METADATA);
	visit(&event, arg);
}

/*
 * es_visit_stream
 *		Visits the events of a stream that a snapshot sees, by version.
 */
void
es_visit_stream(text *stream, Snapshot snapshot, const TimestampTz *as_of,
				EventStoreVisit visit, void *arg)
{
	EsRange range = {1, PG_INT64_MAX, false};
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	EsStream found;

	if (es_find_stream(streams, snapshot, stream, &found))
	{
		EsScan *scan = es_scan_stream(events, snapshot, found.stream_id, &range);
		MemoryContext event_context =
			AllocSetContextCreate(CurrentMemoryContext, "event_store event",
								  ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(event_context);
		TupleTableSlot *slot;

		while ((slot = es_scan_next(scan)) != NULL)
		{
			CHECK_FOR_INTERRUPTS();
			if (as_of != NULL && is_after(slot, *as_of))
				break;
			visit_event(slot, visit, arg);
			MemoryContextReset(event_context);
		}
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(event_context);
		es_scan_end(scan);
	}
	table_close(events, NoLock);
	table_close(streams, AccessShareLock);
}

/* Many streams ------------------------------------------------------------ */

/*
 * distinct_texts
 *		The elements of a text[], each once; raises 22004 for a NULL.
 */
static int
distinct_texts(ArrayType *array, const char *name, text ***result)
{
	Datum *elements;
	bool *nulls;
	int nelements;
	int ndistinct = 0;
	text **texts;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &nelements);
	texts = palloc(Max(nelements, 1) * sizeof(text *));
	for (int i = 0; i < nelements; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not contain nulls", name),
					 errhint("Leave the parameter out to read all.")));
		texts[i] = DatumGetTextPP(elements[i]);
	}
	if (nelements > 1)
		qsort(texts, nelements, sizeof(text *), es_compare_texts);
	for (int i = 0; i < nelements; i++)
	{
		if (i == 0 || es_compare_texts(&texts[i], &texts[ndistinct - 1]) != 0)
			texts[ndistinct++] = texts[i];
	}
	*result = texts;
	return ndistinct;
}

/*
 * find_category_ids
 *		Ids of the categories asked for that exist.
 */
static int
find_category_ids(const StoreQuery *query, Snapshot snapshot, int64 *ids)
{
	Relation categories = es_store_open(ES_CATEGORIES, AccessShareLock);
	int nids = 0;

	for (int i = 0; i < query->ncategories; i++)
	{
		if (es_find_category(categories, snapshot,
							 VARDATA_ANY(query->categories[i]),
							 VARSIZE_ANY_EXHDR(query->categories[i]), &ids[nids]))
			nids++;
	}
	table_close(categories, AccessShareLock);
	return nids;
}

/*
 * is_wanted_type
 *		Whether an event is of one of the types asked for.
 */
static bool
is_wanted_type(const StoreQuery *query, TupleTableSlot *slot)
{
	text *type = DatumGetTextPP(event_column(slot, EV_TYPE));

	return bsearch(&type, query->types, query->ntypes, sizeof(text *),
				   es_compare_texts) != NULL;
}

/*
 * begin_scan
 *		The scan that touches the fewest rows; types_checked is set when all
 *		its rows are of the types asked for.
 */
static EsScan *
begin_scan(const StoreQuery *query, Relation events, Snapshot snapshot,
		   bool *types_checked)
{
	*types_checked = query->ntypes < 0;
	if (!query->all_categories)
	{
		int64 *ids = palloc(Max(query->ncategories, 1) * sizeof(int64));
		int nids = find_category_ids(query, snapshot, ids);

		return es_scan_categories(events, snapshot, ids, nids, &query->range);
	}
	if (query->ntypes >= 0 && OidIsValid(es_store_index(ES_EVENTS_BY_TYPE)))
	{
		*types_checked = true;
		return es_scan_types(events, snapshot, query->types, query->ntypes,
							 &query->range);
	}
	return es_scan_positions(events, snapshot, &query->range);
}

/*
 * put_store
 *		Puts the events of many streams into the result.
 */
static void
put_store(EsEventRows *rows, const StoreQuery *query, Relation events,
		  Snapshot snapshot)
{
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);
	EsStreamNames *names = es_stream_names_begin(streams, snapshot);
	bool types_checked;
	EsScan *scan = begin_scan(query, events, snapshot, &types_checked);
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(row_context);
	int64 left = query->max_count;
	TupleTableSlot *slot;

	while (left > 0 && (slot = es_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (types_checked || is_wanted_type(query, slot))
		{
			int64 stream_id = DatumGetInt64(event_column(slot, EV_STREAM_ID));

			es_event_rows_put(rows, slot, es_stream_names_get(names, stream_id));
			left--;
		}
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row_context);
	es_scan_end(scan);
	table_close(streams, AccessShareLock);
}

/*
 * read_store
 *		Reads what a query asks for, up to the safe position; the range's
 *		highest is what the caller wants and is lowered to it.
 *
 * The order counts: the table, the safe position, the snapshot; see position.c.
 */
static Datum
read_store(FunctionCallInfo fcinfo, StoreQuery *query)
{
	EsEventRows *rows = es_event_rows_begin(fcinfo);
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	int64 safe = es_safe_position(query->range.highest);

	query->range.highest = Min(query->range.highest, safe);
	if (query->max_count > 0 && query->range.lowest <= query->range.highest)
	{
		Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());

		put_store(rows, query, events, snapshot);
		UnregisterSnapshot(snapshot);
	}
	table_close(events, NoLock);
	return (Datum) 0;
}

/*
 * set_window
 *		A query's bounds, given as exclusive ones, and its order and limit.
 */
static void
set_window(StoreQuery *query, FunctionCallInfo fcinfo, int after, int before,
		   int max_count, int backwards)
{
	int64 after_position = bigint_argument(fcinfo, after, 0);
	int64 before_position = bigint_argument(fcinfo, before, PG_INT64_MAX);

	es_check_not_negative(after_position, "after_position");
	es_check_not_negative(before_position, "before_position");
	query->range.lowest =
		after_position < PG_INT64_MAX ? after_position + 1 : PG_INT64_MAX;
	query->range.highest = before_position > 0 ? before_position - 1 : 0;
	query->range.backwards = boolean_argument(fcinfo, backwards);
	query->max_count = count_argument(fcinfo, max_count);
}

/*
 * event_store_read_category
 *		read_category(category, after_position, max_count, before_position,
 *		types, backwards, raw) returns setof event
 */
Datum
event_store_read_category(PG_FUNCTION_ARGS)
{
	StoreQuery query = {0};
	text *category;

	es_check_not_null(fcinfo, 0, "category");
	category = PG_GETARG_TEXT_PP(0);
	if (VARSIZE_ANY_EXHDR(category) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("category must not be empty")));
	query.categories = &category;
	query.ncategories = 1;
	query.ntypes = PG_ARGISNULL(4)
		? -1
		: distinct_texts(PG_GETARG_ARRAYTYPE_P(4), "types", &query.types);
	set_window(&query, fcinfo, 1, 3, 2, 5);
	return read_store(fcinfo, &query);
}

/*
 * event_store_read_all
 *		read_all(after_position, max_count, categories, types, backwards,
 *		before_position, raw) returns setof event
 */
Datum
event_store_read_all(PG_FUNCTION_ARGS)
{
	StoreQuery query = {0};

	query.all_categories = PG_ARGISNULL(2);
	if (!query.all_categories)
		query.ncategories = distinct_texts(PG_GETARG_ARRAYTYPE_P(2),
										   "categories", &query.categories);
	query.ntypes = PG_ARGISNULL(3)
		? -1
		: distinct_texts(PG_GETARG_ARRAYTYPE_P(3), "types", &query.types);
	set_window(&query, fcinfo, 0, 5, 1, 4);
	return read_store(fcinfo, &query);
}

/*
 * event_store_safe_position
 *		safe_position() returns bigint
 */
Datum
event_store_safe_position(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(es_safe_position(PG_INT64_MAX));
}
