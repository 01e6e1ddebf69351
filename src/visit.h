/*-------------------------------------------------------------------------
 *
 * visit.h
 *	  Handing the events of a stream to C, one after the other.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/visit.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_VISIT_H
#define ES_VISIT_H

#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "event_store_api.h"

/* A stream that is not longer needs no snapshot. */
#define ES_FEW_EVENTS 32

extern void es_visit_stream(const text *stream, Snapshot snapshot,
							const TimestampTz *as_of, EventStoreVisit visit,
							void *arg);
extern void es_visit_aggregate(const text *stream, Snapshot snapshot,
							   EventStoreRestore restore, EventStoreVisit visit,
							   void *arg);
extern void es_visit_locked_aggregate(Relation events, Relation streams,
									  const text *stream,
									  EventStoreRestore restore,
									  EventStoreVisit visit, void *arg);

#endif /* ES_VISIT_H */
