/*-------------------------------------------------------------------------
 *
 * read_store.c
 *	  Reading categories and the whole store in global order.
 *
 * These reads go up to the safe position only, and take a fresh snapshot after
 * it was computed, at every isolation level: a snapshot from before could hide
 * an event at or below it.  A transaction at REPEATABLE READ may so see events
 * here that its other statements do not.
 *
 * The lock on the table of events is taken first and kept to the end of the
 * transaction, as a query keeps its locks: the safe position is of the store
 * that is read, and large data in the result is fetched later.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/read_store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "call_scan.h"
#include "check.h"
#include "errors.h"
#include "event_columns.h"
#include "fault.h"
#include "position.h"
#include "scan.h"
#include "store.h"
#include "stream.h"
#include "stream_names.h"
#include "upcast.h"

PG_FUNCTION_INFO_V1(event_store_read_category);
PG_FUNCTION_INFO_V1(event_store_read_all);
PG_FUNCTION_INFO_V1(event_store_safe_position);

/* Up to how many categories or types are scanned one by one. */
#define MAX_LEGS 64

/* A read, see call_scan.h: what it asks for, and how its scan goes about it. */
typedef struct StoreRead
{
	int64 after_position;
	EsRange range;
	int64 max_count;
	bool all_categories;
	int ncategories;
	text **categories;
	int ntypes;	  /* -1: all */
	text **types; /* sorted */
	bool raw;

	EsUpcasting *upcasting; /* for the types; NULL for nothing to do */
	int nstored;
	text **stored_types; /* what events of the types may be stored as; sorted */

	int nids;
	int64 *category_ids; /* of those categories that exist, sorted */
	bool check_categories;
	bool check_types;

	int64 left;		   /* how many events are still to be given */
	Snapshot snapshot; /* NULL for a read that gives none */
	Relation events;
	Relation streams;
	EsStreamNames *names;
	EsEventColumns *columns;
	EsScan *scan;
} StoreRead;

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
 * compare_ids
 *		qsort and bsearch comparator of ids.
 */
static int
compare_ids(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return (left > right) - (left < right);
}

/*
 * find_category_ids
 *		Looks up the ids of the categories asked for that exist, once for a read.
 */
static void
find_category_ids(StoreRead *read)
{
	Relation categories;

	if (read->category_ids != NULL)
		return;
	categories = es_store_open(ES_CATEGORIES, AccessShareLock);
	read->category_ids = palloc(Max(read->ncategories, 1) * sizeof(int64));
	read->nids = 0;
	for (int i = 0; i < read->ncategories; i++)
	{
		if (es_find_category(categories, read->snapshot, read->categories[i],
							 &read->category_ids[read->nids]))
			read->nids++;
	}
	qsort(read->category_ids, read->nids, sizeof(int64), compare_ids);
	table_close(categories, NoLock);
}

/*
 * find_stored_types
 *		What events of the types asked for may be stored as: under an older name, too.
 */
static void
find_stored_types(StoreRead *read)
{
	read->nstored = read->ntypes;
	read->stored_types = read->types;
	read->upcasting = read->ntypes >= 0 ? es_upcasting(read->raw) : NULL;
	if (read->upcasting != NULL)
		read->nstored = es_upcast_sources(read->upcasting, &read->stored_types,
										  read->ntypes);
}

/*
 * start_scan
 *		Starts the scan that touches the fewest rows; notes what its rows still
 *		have to be checked for.
 *
 * Each category or type is a scan of its own, which pins a buffer: of many,
 * all events are read and checked instead.
 */
static EsScan *
start_scan(StoreRead *read)
{
	read->check_categories = !read->all_categories;
	read->check_types = read->ntypes >= 0;
	if (!read->all_categories)
	{
		find_category_ids(read);
		if (read->nids <= MAX_LEGS)
		{
			read->check_categories = false;
			return es_scan_categories(read->events, read->snapshot,
									  read->category_ids, read->nids,
									  &read->range);
		}
	}
	else if (read->ntypes >= 0 && read->nstored <= MAX_LEGS &&
			 OidIsValid(es_store_index(ES_EVENTS_BY_TYPE)))
	{
		read->check_types = read->upcasting != NULL;
		return es_scan_types(read->events, read->snapshot, read->stored_types,
							 read->nstored, &read->range);
	}
	return es_scan_positions(read->events, read->snapshot, &read->range);
}

/*
 * is_wanted
 *		Whether an event is of the categories and types asked for.
 */
static bool
is_wanted(const StoreRead *read, TupleTableSlot *slot)
{
	if (read->check_categories)
	{
		int64 id = DatumGetInt64(es_column(slot, ES_EVENTS, EV_CATEGORY_ID));

		if (bsearch(&id, read->category_ids, read->nids, sizeof(int64),
					compare_ids) == NULL)
			return false;
	}
	if (read->check_types)
	{
		const text *type = es_upcast_name(read->upcasting, slot);

		return bsearch(&type, read->types, read->ntypes, sizeof(text *),
					   es_compare_texts) != NULL;
	}
	return true;
}

/*
 * take_snapshot
 *		The snapshot that a read sees by.
 *
 * What the running command itself has appended is at or below the safe position,
 * too, as the own mark is passed over: this copy shows it.
 */
static Snapshot
take_snapshot(void)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());

	Assert(snapshot->copied);
	snapshot->curcid++;
	ES_FAULT_POINT("read: snapshot taken");
	return snapshot;
}

/*
 * begin_read
 *		Begins to read what is asked for, up to the safe position; the range's
 *		highest is what the caller wants and is lowered to it.
 *
 * The order counts: the table, the safe position, the snapshot; see position.c.
 */
static void *
begin_read(StoreRead *read, Oid type, const AttrNumber *wanted, int nwanted)
{
	int64 safe;

	read->events = es_store_open(ES_EVENTS, AccessShareLock);
	safe = es_safe_position(read->range.highest);
	ES_FAULT_POINT("read: safe position known");
	if (read->after_position > safe)
		es_check_within_store(read->after_position);
	read->range.highest = Min(read->range.highest, safe);
	read->left = read->max_count;
	if (read->max_count <= 0 || read->range.lowest > read->range.highest)
		return read;

	read->snapshot = take_snapshot();
	read->columns =
		es_event_columns(type, wanted, nwanted, es_upcasting(read->raw));
	find_stored_types(read);
	read->streams = es_store_open(ES_STREAMS, AccessShareLock);
	read->names = es_stream_names_begin(read->streams, read->snapshot);
	read->scan = start_scan(read);
	return read;
}

/*
 * next_event
 *		The next event of a read; NULL after the last.
 */
static TupleTableSlot *
next_event(StoreRead *read)
{
	TupleTableSlot *slot;

	while ((slot = es_scan_next(read->scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_wanted(read, slot))
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
	StoreRead *read = call;
	text *stream = NULL;
	TupleTableSlot *slot;

	if (read->snapshot == NULL || read->left <= 0)
		return false;
	slot = next_event(read);
	ES_FAULT_POINT("read: event looked for");
	if (slot == NULL)
	{
		read->left = 0;
		return false;
	}
	read->left--;
	if (es_event_columns_want_stream(read->columns))
		stream = es_stream_names_get(read->names,
									 DatumGetInt64(es_column(slot, ES_EVENTS,
															 EV_STREAM_ID)));
	es_event_columns_fill(read->columns, slot, stream, values, nulls);
	return true;
}

/*
 * rewind_read
 *		Starts over.
 */
static void
rewind_read(void *call)
{
	StoreRead *read = call;

	if (read->snapshot == NULL)
		return;
	es_scan_end(read->scan);
	read->left = read->max_count;
	read->scan = start_scan(read);
}

/*
 * end_read
 *		Frees what a read holds.
 */
static void
end_read(void *call)
{
	StoreRead *read = call;

	if (read->snapshot != NULL)
	{
		es_scan_end(read->scan);
		es_stream_names_end(read->names);
		table_close(read->streams, NoLock);
		UnregisterSnapshot(read->snapshot);
	}
	table_close(read->events, NoLock);
}

/*
 * set_window
 *		A read's bounds, given as exclusive ones, and its order and limit.
 */
static void
set_window(StoreRead *read, FunctionCallInfo fcinfo, int after, int before,
		   int max_count, int backwards)
{
	int64 after_position = es_bigint_argument(fcinfo, after, 0);
	int64 before_position = es_bigint_argument(fcinfo, before, PG_INT64_MAX);

	es_check_not_negative(after_position, "after_position");
	es_check_not_negative(before_position, "before_position");
	read->after_position = after_position;
	read->range.lowest =
		after_position < PG_INT64_MAX ? after_position + 1 : PG_INT64_MAX;
	read->range.highest = before_position > 0 ? before_position - 1 : 0;
	read->range.backwards = es_boolean_argument(fcinfo, backwards);
	read->max_count = es_count_argument(fcinfo, max_count);
}

/*
 * begin_read_category
 *		read_category(category, after_position, max_count, before_position,
 *		types, backwards, raw)
 */
static void *
begin_read_category(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted,
					int nwanted)
{
	StoreRead *read = palloc0(sizeof(StoreRead));

	es_check_not_null(fcinfo, 0, "category");
	read->ncategories = 1;
	read->categories = palloc(sizeof(text *));
	read->categories[0] = PG_GETARG_TEXT_PP(0);
	es_check_category(read->categories[0]);
	read->ntypes = PG_ARGISNULL(4)
		? -1
		: distinct_texts(PG_GETARG_ARRAYTYPE_P(4), "types", &read->types);
	set_window(read, fcinfo, 1, 3, 2, 5);
	read->raw = es_boolean_argument(fcinfo, 6);
	return begin_read(read, type, wanted, nwanted);
}

/*
 * begin_read_all
 *		read_all(after_position, max_count, categories, types, backwards,
 *		before_position, raw)
 */
static void *
begin_read_all(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted,
			   int nwanted)
{
	StoreRead *read = palloc0(sizeof(StoreRead));

	read->all_categories = PG_ARGISNULL(2);
	if (!read->all_categories)
		read->ncategories = distinct_texts(PG_GETARG_ARRAYTYPE_P(2),
										   "categories", &read->categories);
	for (int i = 0; i < read->ncategories; i++)
		es_check_category(read->categories[i]);
	read->ntypes = PG_ARGISNULL(3)
		? -1
		: distinct_texts(PG_GETARG_ARRAYTYPE_P(3), "types", &read->types);
	set_window(read, fcinfo, 0, 5, 1, 4);
	read->raw = es_boolean_argument(fcinfo, 6);
	return begin_read(read, type, wanted, nwanted);
}

const EsCallMethods es_read_category_call = {event_store_read_category,
											 "event_store_read_category",
											 begin_read_category,
											 next_row,
											 rewind_read,
											 end_read};
const EsCallMethods es_read_all_call = {event_store_read_all,
										"event_store_read_all",
										begin_read_all,
										next_row,
										rewind_read,
										end_read};

/*
 * event_store_read_category
 *		See begin_read_category(); returns setof event.
 */
Datum
event_store_read_category(PG_FUNCTION_ARGS)
{
	return es_put_rows(fcinfo, &es_read_category_call);
}

/*
 * event_store_read_all
 *		See begin_read_all(); returns setof event.
 */
Datum
event_store_read_all(PG_FUNCTION_ARGS)
{
	return es_put_rows(fcinfo, &es_read_all_call);
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
