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

#include "check.h"
#include "errors.h"
#include "event_rows.h"
#include "fault.h"
#include "position.h"
#include "scan.h"
#include "store.h"
#include "stream.h"
#include "stream_names.h"

PG_FUNCTION_INFO_V1(event_store_read_category);
PG_FUNCTION_INFO_V1(event_store_read_all);
PG_FUNCTION_INFO_V1(event_store_safe_position);

/* Up to how many categories or types are scanned one by one. */
#define MAX_LEGS 64

/* What a read asks for, and how its scan goes about it. */
typedef struct StoreQuery
{
	int64 after_position;
	EsRange range;
	int64 max_count;
	bool all_categories;
	int ncategories;
	text **categories;
	int ntypes;	  /* -1: all */
	text **types; /* sorted */

	int nids;
	int64 *category_ids; /* of those categories that exist, sorted */
	bool check_categories;
	bool check_types;
} StoreQuery;

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
 *		Looks up the ids of the categories asked for that exist.
 */
static void
find_category_ids(StoreQuery *query, Snapshot snapshot)
{
	Relation categories = es_store_open(ES_CATEGORIES, AccessShareLock);

	query->category_ids = palloc(Max(query->ncategories, 1) * sizeof(int64));
	query->nids = 0;
	for (int i = 0; i < query->ncategories; i++)
	{
		if (es_find_category(categories, snapshot, query->categories[i],
							 &query->category_ids[query->nids]))
			query->nids++;
	}
	qsort(query->category_ids, query->nids, sizeof(int64), compare_ids);
	table_close(categories, AccessShareLock);
}

/*
 * begin_scan
 *		The scan that touches the fewest rows; notes what its rows still have
 *		to be checked for.
 *
 * Each category or type is a scan of its own, which pins a buffer: of many,
 * all events are read and checked instead.
 */
static EsScan *
begin_scan(StoreQuery *query, Relation events, Snapshot snapshot)
{
	query->check_categories = !query->all_categories;
	query->check_types = query->ntypes >= 0;
	if (!query->all_categories)
	{
		find_category_ids(query, snapshot);
		if (query->nids <= MAX_LEGS)
		{
			query->check_categories = false;
			return es_scan_categories(events, snapshot, query->category_ids,
									  query->nids, &query->range);
		}
	}
	else if (query->ntypes >= 0 && query->ntypes <= MAX_LEGS &&
			 OidIsValid(es_store_index(ES_EVENTS_BY_TYPE)))
	{
		query->check_types = false;
		return es_scan_types(events, snapshot, query->types, query->ntypes,
							 &query->range);
	}
	return es_scan_positions(events, snapshot, &query->range);
}

/*
 * is_wanted
 *		Whether an event is of the categories and types asked for.
 */
static bool
is_wanted(const StoreQuery *query, TupleTableSlot *slot)
{
	if (query->check_categories)
	{
		int64 id = DatumGetInt64(es_column(slot, ES_EVENTS, EV_CATEGORY_ID));

		if (bsearch(&id, query->category_ids, query->nids, sizeof(int64),
					compare_ids) == NULL)
			return false;
	}
	if (query->check_types)
	{
		text *type = DatumGetTextPP(es_column(slot, ES_EVENTS, EV_TYPE));

		return bsearch(&type, query->types, query->ntypes, sizeof(text *),
					   es_compare_texts) != NULL;
	}
	return true;
}

/*
 * put_store
 *		Puts the events of many streams into the result.
 */
static void
put_store(EsEventRows *rows, StoreQuery *query, Relation events, Snapshot snapshot)
{
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);
	EsStreamNames *names = es_stream_names_begin(streams, snapshot);
	EsScan *scan = begin_scan(query, events, snapshot);
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(row_context);
	int64 left = query->max_count;
	TupleTableSlot *slot;

	while (left > 0 && (slot = es_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_wanted(query, slot))
		{
			int64 stream_id =
				DatumGetInt64(es_column(slot, ES_EVENTS, EV_STREAM_ID));

			es_event_rows_put(rows, slot, es_stream_names_get(names, stream_id));
			left--;
		}
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row_context);
	es_scan_end(scan);
	es_stream_names_end(names);
	table_close(streams, AccessShareLock);
}

/*
 * check_within_store
 *		Raises ST008 for a position that the store has not come to: a reader's
 *		from another store, or from before a restore to the past.
 */
static void
check_within_store(int64 position)
{
	int64 last = es_last_position();

	if (position <= last)
		return;
	ereport(ERROR,
			(errcode(ES_ERR_BEYOND_STORE),
			 errmsg("position %lld is beyond the event store",
					(long long) position),
			 errdetail("The last position drawn is %lld.", (long long) last),
			 errhint(
				 "It is a position of another store, or of a later state of this one: decide where to go on.")));
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

	ES_FAULT_POINT("read: safe position known");
	if (query->after_position > safe)
		check_within_store(query->after_position);
	query->range.highest = Min(query->range.highest, safe);
	if (query->max_count > 0 && query->range.lowest <= query->range.highest)
	{
		Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());

		/*
		 * What the running command itself has appended is at or below the safe
		 * position, too, as the own mark is passed over: this copy shows it.
		 */
		Assert(snapshot->copied);
		snapshot->curcid++;
		ES_FAULT_POINT("read: snapshot taken");
		put_store(rows, query, events, snapshot);
		ES_FAULT_POINT("read: page read");
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
	int64 after_position = es_bigint_argument(fcinfo, after, 0);
	int64 before_position = es_bigint_argument(fcinfo, before, PG_INT64_MAX);

	es_check_not_negative(after_position, "after_position");
	es_check_not_negative(before_position, "before_position");
	query->after_position = after_position;
	query->range.lowest =
		after_position < PG_INT64_MAX ? after_position + 1 : PG_INT64_MAX;
	query->range.highest = before_position > 0 ? before_position - 1 : 0;
	query->range.backwards = es_boolean_argument(fcinfo, backwards);
	query->max_count = es_count_argument(fcinfo, max_count);
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
	es_check_category(category);
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
	for (int i = 0; i < query.ncategories; i++)
		es_check_category(query.categories[i]);
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
