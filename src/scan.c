/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Scans over events: of one stream by version, of many by position.
 *
 * A scan is one or several index scans, called legs, each ordered by the same
 * column and bounded by the same range: one per category or type asked for.
 * Their rows are merged by a heap, so that reading a page of a few rare
 * categories touches that page's rows and no others.
 *
 * Legs that go forwards by an index of whole numbers read its leaf pages
 * themselves, where the snapshot allows it; see leaf.c.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

#include "compat.h"
#include "leaf.h"
#include "row_fetch.h"
#include "scan.h"
#include "store.h"

/* One of the two scans; its current row, once fetched, is in the slot. */
typedef struct ScanLeg
{
	IndexScanDesc scan;
	EsLeafScan *leaf_scan;
	TupleTableSlot *slot;
	int64 order; /* the current row's place */
} ScanLeg;

struct EsScan
{
	Relation events;
	Relation index;
	EsIndexId index_id;
	Snapshot snapshot;
	MemoryContext context; /* what the index scans keep lives here */
	EsEventsColumn order_column;
	int64 lowest; /* bounds of the order column */
	int64 highest;
	ScanDirection direction;
	const EsStreamFilter *filter; /* NULL for none */
	int nlegs;
	ScanLeg *legs;
	binaryheap *heap; /* of legs with a current row; NULL if one leg */
	ScanLeg *given;	  /* leg whose row was returned last */
};

/*
 * compare_legs
 *		Heap comparator: the leg to be returned next is the greatest.
 */
static int
compare_legs(Datum a, Datum b, void *arg)
{
	const ScanLeg *left = (const ScanLeg *) DatumGetPointer(a);
	const ScanLeg *right = (const ScanLeg *) DatumGetPointer(b);
	int order = (left->order > right->order) - (left->order < right->order);

	return ((EsScan *) arg)->direction == ForwardScanDirection ? -order : order;
}

/*
 * make_scan
 *		A scan without legs yet.
 */
static EsScan *
make_scan(Relation events, EsIndexId index, EsEventsColumn order_column,
		  Snapshot snapshot, int nlegs, const EsRange *range)
{
	EsScan *scan = palloc0(sizeof(EsScan));

	scan->events = events;
	scan->context = CurrentMemoryContext;
	scan->index = es_store_open_index(index, AccessShareLock);
	scan->index_id = index;
	scan->snapshot = snapshot;
	scan->order_column = order_column;
	scan->lowest = range->lowest;
	scan->highest = range->highest;
	scan->direction =
		range->backwards ? BackwardScanDirection : ForwardScanDirection;
	scan->legs = palloc0(Max(nlegs, 1) * sizeof(ScanLeg));
	if (nlegs != 1)
		scan->heap = binaryheap_allocate(Max(nlegs, 1), compare_legs, scan);
	return scan;
}

/*
 * get_next
 *		Puts a leg's next row into its slot.
 */
static inline bool
get_next(EsScan *scan, ScanLeg *leg)
{
	bool found;

	if (leg->leaf_scan != NULL)
		return es_leaf_scan_next(leg->leaf_scan, leg->slot);
	found = index_getnext_slot(leg->scan, scan->direction, leg->slot);

	/*
	 * With SnapshotSelf a scan would look at the row again for a later version
	 * of it.  Two of one row are never visible.
	 */
	leg->scan->xs_heap_continue = false;
	return found;
}

/*
 * get_order
 *		The place of a row in the order of a scan.
 */
static inline int64
get_order(const EsScan *scan, TupleTableSlot *slot)
{
	return es_bigint_column(slot, ES_EVENTS, scan->order_column);
}

/*
 * fetch_row
 *		Moves a leg to its next row; false at its end.
 *
 * A scan remembers places of rows.  Where a rolled back append's row was, VACUUM
 * may make room, and an append of this very transaction may take it while the
 * read goes on.  A read of the store sees those, see take_snapshot(); but their
 * positions are beyond its range, so such a row is told by that.
 */
static bool
fetch_row(EsScan *scan, ScanLeg *leg)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->context);
	bool found;

	while ((found = get_next(scan, leg)))
	{
		leg->order = get_order(scan, leg->slot);
		if (likely(leg->order >= scan->lowest && leg->order <= scan->highest))
			break;
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(caller);
	return found;
}

/*
 * begin_index_scan
 *		Starts PostgreSQL's scan of an index for a leg.
 */
static void
begin_index_scan(EsScan *scan, ScanLeg *leg, const ScanKeyData *prefix,
				 const EsRange *range)
{
	ScanKeyData keys[3];
	int column = 1;
	int nkeys = 0;

	if (prefix != NULL)
	{
		keys[nkeys++] = *prefix;
		column++;
	}
	ScanKeyInit(&keys[nkeys++], column, BTGreaterEqualStrategyNumber, F_INT8GE,
				Int64GetDatum(range->lowest));
	ScanKeyInit(&keys[nkeys++], column, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(range->highest));
	leg->scan =
		es_index_beginscan(scan->events, scan->index, scan->snapshot, nkeys);
	index_rescan(leg->scan, keys, nkeys, NULL, 0);
}

/*
 * begin_leaf_scan
 *		Starts a scan of leaf pages for a leg.
 */
static void
begin_leaf_scan(EsScan *scan, ScanLeg *leg, const ScanKeyData *prefix,
				const EsRange *range)
{
	EsLeafIndex by = {scan->events, scan->index, prefix != NULL ? 2 : 1};

	leg->leaf_scan =
		es_leaf_scan_begin(&by, scan->snapshot,
						   prefix != NULL ? DatumGetInt64(prefix->sk_argument) : 0,
						   range->lowest, range->highest);
	if (scan->filter != NULL)
	{
		EsLeafFilter filter = {scan->filter->is_unwanted, scan->filter->arg,
							   es_store_attnum(ES_EVENTS, EV_STREAM_ID),
							   es_store_offset(ES_EVENTS, EV_STREAM_ID)};

		es_leaf_scan_leave_out(leg->leaf_scan, &filter);
	}
}

/*
 * add_leg
 *		Adds an index scan; the prefix, if there is one, leads, then the range.
 */
static void
add_leg(EsScan *scan, const ScanKeyData *prefix, const EsRange *range)
{
	ScanLeg *leg = &scan->legs[scan->nlegs++];

	leg->slot = table_slot_create(scan->events, NULL);
	if (scan->direction == ForwardScanDirection &&
		scan->index_id != ES_EVENTS_BY_TYPE &&
		es_row_fetch_allows(scan->snapshot))
		begin_leaf_scan(scan, leg, prefix, range);
	else
		begin_index_scan(scan, leg, prefix, range);
	if (scan->heap != NULL && fetch_row(scan, leg))
		binaryheap_add_unordered(scan->heap, PointerGetDatum(leg));
}

/*
 * es_scan_stream
 *		The events of a stream, by version.
 */
EsScan *
es_scan_stream(Relation events, Snapshot snapshot, int64 stream_id,
			   const EsRange *range)
{
	EsScan *scan =
		make_scan(events, ES_EVENTS_BY_VERSION, EV_VERSION, snapshot, 1, range);
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(stream_id));
	add_leg(scan, &key, range);
	return scan;
}

/*
 * es_scan_positions
 *		All events, by global position, but for some that are not wanted; the filter is
 *		kept.
 */
EsScan *
es_scan_positions(Relation events, Snapshot snapshot, const EsRange *range,
				  const EsStreamFilter *filter)
{
	EsScan *scan = make_scan(events, ES_EVENTS_BY_POSITION, EV_GLOBAL_POSITION,
							 snapshot, 1, range);

	scan->filter = filter;
	add_leg(scan, NULL, range);
	return scan;
}

/*
 * es_scan_categories
 *		The events of some categories, different ones, by global position, but for some
 *		that are not wanted; the filter is kept.
 */
EsScan *
es_scan_categories(Relation events, Snapshot snapshot,
				   const int64 *category_ids, int ncategories,
				   const EsRange *range, const EsStreamFilter *filter)
{
	EsScan *scan = make_scan(events, ES_EVENTS_BY_CATEGORY, EV_GLOBAL_POSITION,
							 snapshot, ncategories, range);

	scan->filter = filter;
	for (int i = 0; i < ncategories; i++)
	{
		ScanKeyData key;

		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ,
					Int64GetDatum(category_ids[i]));
		add_leg(scan, &key, range);
	}
	if (scan->heap != NULL)
		binaryheap_build(scan->heap);
	return scan;
}

/*
 * es_scan_types
 *		The events of some types, different ones, by global position; the
 *		store must have its index for that.
 */
EsScan *
es_scan_types(Relation events, Snapshot snapshot, text *const *types,
			  int ntypes, const EsRange *range)
{
	EsScan *scan = make_scan(events, ES_EVENTS_BY_TYPE, EV_GLOBAL_POSITION,
							 snapshot, ntypes, range);

	for (int i = 0; i < ntypes; i++)
	{
		ScanKeyData key;

		ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid,
							   scan->index->rd_indcollation[0], F_TEXTEQ,
							   PointerGetDatum(types[i]));
		add_leg(scan, &key, range);
	}
	if (scan->heap != NULL)
		binaryheap_build(scan->heap);
	return scan;
}

/*
 * es_scan_with_streams
 *		Says that the streams of the events are going to be looked up.
 */
void
es_scan_with_streams(EsScan *scan)
{
	int offset = es_store_offset(ES_EVENTS, EV_STREAM_ID);

	for (int i = 0; i < scan->nlegs; i++)
	{
		if (scan->legs[i].leaf_scan != NULL)
			es_leaf_scan_with_streams(scan->legs[i].leaf_scan, offset);
	}
}

/*
 * es_scan_next
 *		The next event, good until the next call; NULL after the last.
 */
TupleTableSlot *
es_scan_next(EsScan *scan)
{
	ScanLeg *leg;

	if (scan->heap == NULL)
		return fetch_row(scan, &scan->legs[0]) ? scan->legs[0].slot : NULL;

	if (scan->given != NULL)
	{
		if (fetch_row(scan, scan->given))
			binaryheap_replace_first(scan->heap, PointerGetDatum(scan->given));
		else
			(void) binaryheap_remove_first(scan->heap);
		scan->given = NULL;
	}
	if (binaryheap_empty(scan->heap))
		return NULL;
	leg = (ScanLeg *) DatumGetPointer(binaryheap_first(scan->heap));
	scan->given = leg;
	return leg->slot;
}

/*
 * es_scan_end
 *		Frees a scan.  The index keeps its lock, as that of a query does.
 */
void
es_scan_end(EsScan *scan)
{
	for (int i = 0; i < scan->nlegs; i++)
	{
		if (scan->legs[i].leaf_scan != NULL)
			es_leaf_scan_end(scan->legs[i].leaf_scan);
		else
			index_endscan(scan->legs[i].scan);
		ExecDropSingleTupleTableSlot(scan->legs[i].slot);
	}
	if (scan->heap != NULL)
		binaryheap_free(scan->heap);
	index_close(scan->index, NoLock);
	pfree(scan->legs);
	pfree(scan);
}

/*
 * es_recorded_after
 *		Whether an event was recorded after a time.
 */
bool
es_recorded_after(TupleTableSlot *event, TimestampTz time)
{
	return DatumGetTimestampTz(es_column(event, ES_EVENTS, EV_RECORDED_AT)) >
		time;
}
