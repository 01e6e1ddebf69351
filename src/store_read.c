/*-------------------------------------------------------------------------
 *
 * store_read.c
 *	  Going through the events of the store in global order.
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
 * src/store_read.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "fault.h"
#include "position.h"
#include "store.h"
#include "store_read.h"
#include "stream.h"
#include "stream_names.h"
#include "upcast.h"

/* Up to how many categories or types are scanned one by one. */
#define MAX_LEGS 64

struct EsStoreRead
{
	EsReadRequest request;
	EsRange range; /* the request's, up to the safe position */

	EsUpcasting *upcasting; /* for the types; NULL for nothing to do */
	int nstored;
	text **stored_types; /* what events of the types may be stored as; sorted */

	int nids;
	int64 *category_ids; /* of those categories that exist, sorted */
	bool check_categories;
	bool check_types;
	bool check_positions;
	bool with_streams; /* whose names are going to be asked for */

	int64 left;		   /* how many events are still to be given */
	Snapshot snapshot; /* NULL for a read that gives none */
	Relation events;
	Relation streams;
	EsStreamNames *names;
	EsScan *scan;
};

/*
 * es_distinct_texts
 *		The elements of a text[], each once; raises 22004 for a NULL.
 */
int
es_distinct_texts(ArrayType *array, const char *name, text ***result)
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
find_category_ids(EsStoreRead *read)
{
	Relation categories;

	if (read->category_ids != NULL)
		return;
	categories = es_store_open(ES_CATEGORIES, AccessShareLock);
	read->category_ids =
		palloc(Max(read->request.ncategories, 1) * sizeof(int64));
	read->nids = 0;
	for (int i = 0; i < read->request.ncategories; i++)
	{
		if (es_find_category(categories, read->snapshot,
							 read->request.categories[i],
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
find_stored_types(EsStoreRead *read)
{
	read->nstored = read->request.ntypes;
	read->stored_types = read->request.types;
	read->upcasting =
		read->request.ntypes >= 0 ? es_upcasting(read->request.raw) : NULL;
	if (read->upcasting != NULL)
		read->nstored = es_upcast_sources(read->upcasting, &read->stored_types,
										  read->request.ntypes);
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
start_scan(EsStoreRead *read)
{
	read->check_categories = !read->request.all_categories;
	read->check_types = read->request.ntypes >= 0;
	read->check_positions = read->request.stream_id != 0;
	if (read->request.stream_id != 0)
	{
		read->check_categories = false;
		return es_scan_stream(read->events, read->snapshot,
							  read->request.stream_id, &read->request.versions);
	}
	if (!read->request.all_categories)
	{
		find_category_ids(read);
		if (read->nids <= MAX_LEGS)
		{
			read->check_categories = false;
			return es_scan_categories(read->events, read->snapshot,
									  read->category_ids, read->nids,
									  &read->range, read->request.filter);
		}
	}
	else if (read->request.ntypes >= 0 && read->nstored <= MAX_LEGS &&
			 OidIsValid(es_store_index(ES_EVENTS_BY_TYPE)))
	{
		read->check_types = read->upcasting != NULL;
		return es_scan_types(read->events, read->snapshot, read->stored_types,
							 read->nstored, &read->range);
	}
	return es_scan_positions(read->events, read->snapshot, &read->range,
							 read->request.filter);
}

/*
 * is_wanted
 *		Whether an event is of the positions, categories and types asked for, where the
 *		scan does not see to that.
 */
static bool
is_wanted(const EsStoreRead *read, TupleTableSlot *slot)
{
	if (read->check_positions)
	{
		int64 position =
			DatumGetInt64(es_column(slot, ES_EVENTS, EV_GLOBAL_POSITION));

		if (position < read->range.lowest || position > read->range.highest)
			return false;
	}
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

		return bsearch(&type, read->request.types, read->request.ntypes,
					   sizeof(text *), es_compare_texts) != NULL;
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
 * es_store_read_begin
 *		Begins to read what is asked for, up to the safe position.  Raises ST008 for
 *		a position to go on from that is beyond the store; a standby, which may lag behind,
 *		has nothing for that yet.
 *
 * What it allocates lives in the current memory context until
 * es_store_read_end().  The order counts: the table, the safe position, the
 * snapshot; see position.c.
 */
EsStoreRead *
es_store_read_begin(const EsReadRequest *request)
{
	EsStoreRead *read = palloc0(sizeof(EsStoreRead));
	int64 safe;

	read->request = *request;
	read->range = request->range;
	read->events = es_store_open(ES_EVENTS, AccessShareLock);
	safe = es_safe_position(read->range.highest);
	ES_FAULT_POINT("read: safe position known");
	if (request->after_position > safe && !RecoveryInProgress())
		es_check_within_store(request->after_position);
	read->range.highest = Min(read->range.highest, safe);
	read->left = request->max_count;
	if (request->max_count <= 0 || read->range.lowest > read->range.highest)
		return read;

	read->snapshot = take_snapshot();
	find_stored_types(read);
	read->streams = es_store_open(ES_STREAMS, AccessShareLock);
	read->names =
		es_stream_names_begin(read->streams, read->snapshot, read->left);
	read->scan = start_scan(read);
	return read;
}

/*
 * es_store_read_with_streams
 *		Says that es_store_read_stream() is going to be called for the events.
 */
void
es_store_read_with_streams(EsStoreRead *read)
{
	read->with_streams = true;
	if (read->snapshot != NULL)
		es_scan_with_streams(read->scan);
}

/*
 * next_wanted
 *		The next event of a read; NULL after the last.
 */
static TupleTableSlot *
next_wanted(EsStoreRead *read)
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
 * es_store_read_next
 *		The next event; NULL after the last.
 */
TupleTableSlot *
es_store_read_next(EsStoreRead *read)
{
	TupleTableSlot *slot;

	if (read->snapshot == NULL || read->left <= 0)
		return NULL;
	slot = next_wanted(read);
	ES_FAULT_POINT("read: event looked for");
	read->left = slot == NULL ? 0 : read->left - 1;
	return slot;
}

/*
 * es_store_read_stream
 *		Name of the stream of an event that was read, good until the next one is asked
 *		for.
 */
text *
es_store_read_stream(EsStoreRead *read, TupleTableSlot *event)
{
	return es_stream_names_get(read->names,
							   DatumGetInt64(
								   es_column(event, ES_EVENTS, EV_STREAM_ID)));
}

/*
 * es_store_read_highest
 *		Up to where a read goes: the highest position asked for, or the safe one if
 *		that is lower.
 */
int64
es_store_read_highest(const EsStoreRead *read)
{
	return read->range.highest;
}

/*
 * es_store_read_rewind
 *		Starts over.
 */
void
es_store_read_rewind(EsStoreRead *read)
{
	if (read->snapshot == NULL)
		return;
	es_scan_end(read->scan);
	read->left = read->request.max_count;
	read->scan = start_scan(read);
	if (read->with_streams)
		es_scan_with_streams(read->scan);
}

/*
 * es_store_read_end
 *		Frees what a read holds.
 */
void
es_store_read_end(EsStoreRead *read)
{
	if (read->snapshot != NULL)
	{
		es_scan_end(read->scan);
		es_stream_names_end(read->names);
		table_close(read->streams, NoLock);
		UnregisterSnapshot(read->snapshot);
	}
	table_close(read->events, NoLock);
}
