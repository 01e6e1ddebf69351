/*-------------------------------------------------------------------------
 *
 * visit.c
 *	  Handing the events of a stream to C, one after the other.
 *
 * Whoever folds a stream in C, for another extension, visits its events.  The
 * visits see what a snapshot does, and need no care about order, as a stream's
 * versions commit in order.
 *
 * A visit that loads an aggregate begins with a snapshot of it, if that saves
 * events.  To look for one costs about as much as a few events do, and most
 * streams are short; so the first ones are visited before anybody looks, and
 * forgotten when there is a snapshot beyond them.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/visit.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "aggregate_type.h"
#include "event_struct.h"
#include "hints.h"
#include "known_head.h"
#include "locks.h"
#include "scan.h"
#include "snapshot.h"
#include "store.h"
#include "stream.h"
#include "visit.h"

/* What is visited, and by whom. */
typedef struct Visit
{
	Snapshot snapshot;
	const TimestampTz *as_of;  /* NULL for all events */
	EventStoreRestore restore; /* NULL: from the first event on */
	EventStoreVisit visit;
	void *arg;
	const EsEventTypes *event_types; /* by which old events are made new ones */
} Visit;

/*
 * visit_event
 *		Hands an event to a visitor, and notes where it is.
 */
static void
visit_event(TupleTableSlot *slot, EsEventReader *reader, const Visit *visit,
			EsHead *head)
{
	EventStoreEvent event;

	es_event_read(reader, slot, &event);
	visit->visit(&event, visit->arg);
	es_head_note(head, slot);
}

/*
 * visit_some
 *		Visits events of a scan, up to as_of and at most so many; the last one is
 *		the head.  Returns whether those were all.
 */
static bool
visit_some(EsScan *scan, const Visit *visit, int64 max_events, EsHead *head)
{
	MemoryContext event_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store event",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;
	EsEventReader reader;
	bool ended = false;

	es_event_reader_init(&reader, es_upcasting_by(visit->event_types));
	caller = MemoryContextSwitchTo(event_context);
	for (int64 n = 0; n < max_events && !ended; n++)
	{
		TupleTableSlot *slot = es_scan_next(scan);

		CHECK_FOR_INTERRUPTS();
		ended = slot == NULL ||
			(visit->as_of != NULL && es_recorded_after(slot, *visit->as_of));
		if (ended)
			break;
		visit_event(slot, &reader, visit, head);
		MemoryContextReset(event_context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(event_context);
	return ended;
}

/*
 * restore
 *		Goes on from the newest usable snapshot of a stream, if it is beyond the
 *		head; returns whether there is one.
 */
static bool
restore(const text *stream, const EsStream *row, const Visit *visit, EsHead *head)
{
	EsAggregateType type;
	int64 version;
	Datum state;

	if (!es_aggregate_type_get(stream, &type) ||
		type.event_types != visit->event_types ||
		!es_snapshot_find(row->stream_id, visit->snapshot, &type, PG_INT64_MAX,
						  &version, &state) ||
		version <= head->version)
		return false;
	visit->restore(version, state, visit->arg);
	head->version = version;
	head->recorded_at = DT_NOBEGIN;
	return true;
}

/*
 * visit_stream
 *		Visits the events of a stream, by version; the tables are open.  Returns
 *		whether there is the stream, and its row and the last event that was
 *		visited.
 */
static bool
visit_stream(Relation events, Relation streams, const text *stream,
			 Visit *visit, EsStream *row, EsHead *head)
{
	EsRange range = {1, PG_INT64_MAX, false};
	EsScan *scan;
	bool ended;

	if (!es_find_stream(streams, visit->snapshot, stream, row))
		return false;
	visit->event_types = es_event_types();
	es_head_begin(head, row->base_version);
	scan = es_scan_stream(events, visit->snapshot, row->stream_id, &range);
	ended =
		visit_some(scan, visit,
				   visit->restore != NULL ? ES_FEW_EVENTS : PG_INT64_MAX, head);
	if (!ended && restore(stream, row, visit, head))
	{
		es_scan_end(scan);
		range.lowest = head->version + 1;
		scan = es_scan_stream(events, visit->snapshot, row->stream_id, &range);
	}
	if (!ended)
		(void) visit_some(scan, visit, PG_INT64_MAX, head);
	es_scan_end(scan);
	return true;
}

/*
 * visit_seen
 *		Visits a stream as a snapshot sees it.
 */
static void
visit_seen(const text *stream, Visit *visit)
{
	uint64 key = es_stream_key(stream);
	Relation events;
	Relation streams;
	EsStream row;
	EsHead head;

	es_hint_prefetch(key);
	events = es_store_open(ES_EVENTS, AccessShareLock);
	es_hint_prefetch_page(key);
	streams = es_store_open(ES_STREAMS, AccessShareLock);
	es_hint_prefetch_row(key);
	(void) visit_stream(events, streams, stream, visit, &row, &head);
	table_close(events, NoLock);
	table_close(streams, NoLock);
}

/*
 * es_visit_stream
 *		Visits the events of a stream that a snapshot sees, by version, up to
 *		as_of; NULL for all.
 */
void
es_visit_stream(const text *stream, Snapshot snapshot, const TimestampTz *as_of,
				EventStoreVisit visit, void *arg)
{
	Visit all = {snapshot, as_of, NULL, visit, arg};

	visit_seen(stream, &all);
}

/*
 * es_visit_aggregate
 *		The same from the newest usable snapshot on, which is handed to restore;
 *		a short stream from its first event on.
 */
void
es_visit_aggregate(const text *stream, Snapshot snapshot,
				   EventStoreRestore restore, EventStoreVisit visit, void *arg)
{
	Visit rest = {snapshot, NULL, restore, visit, arg};

	visit_seen(stream, &rest);
}

/*
 * es_visit_locked_aggregate
 *		The same for a stream that the transaction has locked, with its own
 *		events and whatever its isolation level; the tables are open.
 *
 * What is visited last is what an append would look up.
 */
void
es_visit_locked_aggregate(Relation events, Relation streams, const text *stream,
						  EventStoreRestore restore, EventStoreVisit visit,
						  void *arg)
{
	Visit rest = {SnapshotSelf, NULL, restore, visit, arg};
	uint64 moment = es_known_head_moment();
	EsStream row;
	EsHead head;

	es_register_locked_look(events, streams, stream);
	if (visit_stream(events, streams, stream, &rest, &row, &head) &&
		head.recorded_at != DT_NOBEGIN)
		es_known_head_note(stream, &row, &head, moment);
}
