/*-------------------------------------------------------------------------
 *
 * read_stream.h
 *	  Reading single streams from C.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/read_stream.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_READ_STREAM_H
#define ES_READ_STREAM_H

#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "event_store_api.h"

extern void es_visit_locked_stream(Relation events, Relation streams,
								   const text *stream, EventStoreVisit visit,
								   void *arg);
extern void es_visit_stream(const text *stream, Snapshot snapshot,
							const TimestampTz *as_of, EventStoreVisit visit,
							void *arg);

#endif /* ES_READ_STREAM_H */
