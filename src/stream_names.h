/*-------------------------------------------------------------------------
 *
 * stream_names.h
 *	  Names of streams by their ids, for reads over many streams.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stream_names.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_STREAM_NAMES_H
#define ES_STREAM_NAMES_H

#include "utils/relcache.h"
#include "utils/snapshot.h"

typedef struct EsStreamNames EsStreamNames;

extern EsStreamNames *es_stream_names_begin(Relation streams, Snapshot snapshot,
											int64 max_events);
extern void es_stream_names_end(EsStreamNames *names);
extern text *es_stream_names_get(EsStreamNames *names, int64 stream_id);
extern text *es_stream_name(Relation streams, Snapshot snapshot, int64 stream_id);

#endif /* ES_STREAM_NAMES_H */
