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

extern void es_snapshot_init(void);
extern bool es_snapshot_find(int64 stream_id, Snapshot snapshot,
							 const EsAggregateType *type, int64 max_version,
							 int64 *version, Datum *state);
extern void es_snapshot_save(int64 stream_id, int64 version, int32 state_version,
							 const EsAggregateType *type, Datum state);

#endif /* ES_SNAPSHOT_H */
