/*-------------------------------------------------------------------------
 *
 * snapshot_walk.h
 *	  The snapshots of a stream, from the newest on.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/snapshot_walk.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SNAPSHOT_WALK_H
#define ES_SNAPSHOT_WALK_H

#include "access/genam.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct EsSnapshotWalk
{
	Relation snapshots;
	Relation index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
} EsSnapshotWalk;

extern void es_snapshot_walk_begin(EsSnapshotWalk *walk, int64 stream_id,
								   Snapshot snapshot, int64 max_version);
extern TupleTableSlot *es_snapshot_walk_next(EsSnapshotWalk *walk);
extern void es_snapshot_walk_end(EsSnapshotWalk *walk);

#endif /* ES_SNAPSHOT_WALK_H */
