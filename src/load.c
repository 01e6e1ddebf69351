/*-------------------------------------------------------------------------
 *
 * load.c
 *	  The state of an aggregate: from a snapshot, and the events after it.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/load.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fold.h"
#include "load.h"
#include "scan.h"
#include "snapshot.h"
#include "store.h"

/*
 * fold_rest
 *		Applies the events after the version of a state, up to another; the head
 *		is the last.
 */
static void
fold_rest(Relation events, Snapshot snapshot, const EsStream *row,
		  int64 max_version, EsAggregateType *type, EsAggregate *aggregate,
		  EsHead *head)
{
	EsRange range = {aggregate->version + 1, max_version, false};
	EsScan *scan = es_scan_stream(events, snapshot, row->stream_id, &range);
	EsFold *fold = es_fold_begin(type, aggregate->stream, aggregate->state);
	TupleTableSlot *event;

	while ((event = es_scan_next(scan)) != NULL)
	{
		es_fold_event(fold, event);
		es_head_note(head, event);
		aggregate->version = head->version;
	}
	aggregate->state = es_fold_end(fold);
	es_scan_end(scan);
	head->version = Max(head->version, aggregate->version);
}

/*
 * es_load_nothing
 *		An aggregate before its first event.
 */
void
es_load_nothing(const EsAggregateType *type, EsAggregate *aggregate)
{
	aggregate->version = 0;
	aggregate->state = type->initial_state;
	aggregate->uncommitted = NULL;
}

/*
 * es_load
 *		Loads an aggregate as a snapshot sees it; the head is set to its last event
 *		if events were applied.
 */
void
es_load(Relation events, Snapshot snapshot, const EsStream *row,
		const EsLoad *load, EsAggregateType *type, EsAggregate *aggregate,
		EsHead *head)
{
	es_load_nothing(type, aggregate);
	es_head_begin(head, row->base_version);
	if (load->use_snapshot)
		(void) es_snapshot_find(row->stream_id, snapshot, type, load->max_version,
								&aggregate->version, &aggregate->state);
	fold_rest(events, snapshot, row, load->max_version, type, aggregate, head);
}

/*
 * es_find_and_load
 *		The same, all of it, for a stream by its name; returns whether there is
 *		one, and its row.
 */
bool
es_find_and_load(Relation events, Relation streams, Snapshot snapshot,
				 bool use_snapshot, EsAggregateType *type,
				 EsAggregate *aggregate, EsStream *row, EsHead *head)
{
	EsLoad load = {PG_INT64_MAX, use_snapshot};

	if (!es_find_stream(streams, snapshot, aggregate->stream, row))
	{
		es_load_nothing(type, aggregate);
		return false;
	}
	es_load(events, snapshot, row, &load, type, aggregate, head);
	return true;
}
