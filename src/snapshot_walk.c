/*-------------------------------------------------------------------------
 *
 * snapshot_walk.c
 *	  The snapshots of a stream, from the newest on.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/snapshot_walk.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

#include "compat.h"
#include "snapshot_walk.h"
#include "store.h"

/*
 * es_snapshot_walk_begin
 *		Starts with the newest snapshot of a stream at or below a version.
 */
void
es_snapshot_walk_begin(EsSnapshotWalk *walk, int64 stream_id, Snapshot snapshot,
					   int64 max_version)
{
	ScanKeyData keys[2];

	walk->snapshots = es_store_open(ES_SNAPSHOTS, AccessShareLock);
	walk->index = es_store_open_index(ES_SNAPSHOTS_BY_VERSION, AccessShareLock);
	walk->slot = table_slot_create(walk->snapshots, NULL);
	walk->scan = es_index_beginscan(walk->snapshots, walk->index, snapshot, 2);
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(stream_id));
	ScanKeyInit(&keys[1], 2, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(max_version));
	index_rescan(walk->scan, keys, 2, NULL, 0);
}

/*
 * es_snapshot_walk_next
 *		The next older snapshot; NULL after the last.
 */
TupleTableSlot *
es_snapshot_walk_next(EsSnapshotWalk *walk)
{
	CHECK_FOR_INTERRUPTS();
	return index_getnext_slot(walk->scan, BackwardScanDirection, walk->slot)
		? walk->slot
		: NULL;
}

/*
 * es_snapshot_walk_end
 *		Ends a walk.
 */
void
es_snapshot_walk_end(EsSnapshotWalk *walk)
{
	index_endscan(walk->scan);
	ExecDropSingleTupleTableSlot(walk->slot);
	index_close(walk->index, NoLock);
	table_close(walk->snapshots, NoLock);
}
