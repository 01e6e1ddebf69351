/*-------------------------------------------------------------------------
 *
 * history.h
 *	  A stream's events with the state before and after each.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/history.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_HISTORY_H
#define ES_HISTORY_H

#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "aggregate_type.h"
#include "stream.h"

typedef struct EsHistory EsHistory;

/* An event, good until the next; the states are 0 without an aggregate type. */
typedef struct EsHistoryEvent
{
	TupleTableSlot *event;
	Datum before;
	Datum after;
} EsHistoryEvent;

extern EsHistory *es_history_begin(Relation events, Snapshot snapshot,
								   text *stream, const EsStream *row,
								   EsAggregateType *type, int64 from_version,
								   int64 to_version);
extern bool es_history_next(EsHistory *history, EsHistoryEvent *next);
extern void es_history_end(EsHistory *history);

#endif /* ES_HISTORY_H */
