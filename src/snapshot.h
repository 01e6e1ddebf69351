/*-------------------------------------------------------------------------
 *
 * snapshot.h
 *	  Keeping states of aggregates at versions of their streams.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/snapshot.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SNAPSHOT_H
#define ES_SNAPSHOT_H

#include "utils/snapshot.h"

#include "aggregate_type.h"

extern bool es_snapshot_find(int64 stream_id, Snapshot snapshot,
							 const EsAggregateType *type, int64 max_version,
							 int64 *version, Datum *state);

#endif /* ES_SNAPSHOT_H */
