/*-------------------------------------------------------------------------
 *
 * snapshot_save.h
 *	  Storing a snapshot, and deleting those that it makes superfluous.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/snapshot_save.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SNAPSHOT_SAVE_H
#define ES_SNAPSHOT_SAVE_H

#include "aggregate_type.h"

extern void es_snapshot_save_init(void);
extern void es_snapshot_save(int64 stream_id, int64 version, int32 state_version,
							 const EsAggregateType *type, Datum state);

#endif /* ES_SNAPSHOT_SAVE_H */
