/*-------------------------------------------------------------------------
 *
 * history.c
 *	  A stream's events with the state before and after each.
 *
 * The state before the first event is loaded, from a snapshot if there is one; from
 * there on each event is applied to what the one before it left.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/history.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "fold.h"
#include "history.h"
#include "load.h"
#include "scan.h"

struct EsHistory
{
	EsScan *scan;
	EsFold *fold; /* NULL without an aggregate type */
	Datum state;  /* after the last event, in the first context */
	MemoryContext states[2];
};

/*
 * load_before
 *		The state before a version.
 */
static Datum
load_before(Relation events, Snapshot snapshot, text *stream,
			const EsStream *row, EsAggregateType *type, int64 version)
{
	EsLoad load = {version - 1, true};
	EsAggregate aggregate = {.stream = stream};
	EsHead head;

	es_load(events, snapshot, row, &load, type, &aggregate, &head);
	return aggregate.state;
}

/*
 * es_history_begin
 *		Starts with a version.  The type is NULL where the category has none.
 *
 * Until es_history_end() the current role is the owner of the types, if there is
 * one; the table of events must stay open.
 */
EsHistory *
es_history_begin(Relation events, Snapshot snapshot, text *stream,
				 const EsStream *row, EsAggregateType *type, int64 from_version,
				 int64 to_version)
{
	EsHistory *history = palloc0(sizeof(EsHistory));
	EsRange range = {Max(from_version, row->base_version + 1), to_version, false};

	for (int i = 0; i < lengthof(history->states); i++)
		history->states[i] =
			AllocSetContextCreate(CurrentMemoryContext, "event_store history",
								  ALLOCSET_START_SMALL_SIZES);
	if (type != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(history->states[0]);

		history->state =
			load_before(events, snapshot, stream, row, type, range.lowest);
		MemoryContextSwitchTo(caller);
		history->fold = es_fold_begin(type, stream, history->state);
	}
	history->scan = es_scan_stream(events, snapshot, row->stream_id, &range);
	return history;
}

/*
 * apply
 *		Applies an event; the state before it stays as long as the event.
 */
static void
apply(EsHistory *history, EsHistoryEvent *next)
{
	MemoryContext kept = history->states[1];
	MemoryContext caller;

	MemoryContextReset(kept);
	es_fold_event(history->fold, next->event);
	caller = MemoryContextSwitchTo(kept);
	next->before = history->state;
	next->after = history->state = es_fold_state(history->fold);
	MemoryContextSwitchTo(caller);
	history->states[1] = history->states[0];
	history->states[0] = kept;
}

/*
 * es_history_next
 *		The next event; false after the last.
 */
bool
es_history_next(EsHistory *history, EsHistoryEvent *next)
{
	next->event = es_scan_next(history->scan);
	next->before = next->after = (Datum) 0;
	if (next->event == NULL)
		return false;
	if (history->fold != NULL)
		apply(history, next);
	return true;
}

/*
 * es_history_end
 *		Frees what a history holds, and goes on as whoever called.
 */
void
es_history_end(EsHistory *history)
{
	if (history->fold != NULL)
		(void) es_fold_end(history->fold);
	es_scan_end(history->scan);
	for (int i = 0; i < lengthof(history->states); i++)
		MemoryContextDelete(history->states[i]);
	pfree(history);
}
