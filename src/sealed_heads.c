/*-------------------------------------------------------------------------
 *
 * sealed_heads.c
 *	  The record of seals: where streams ended when the store was sealed.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/sealed_heads.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

#include "compat.h"
#include "sealed_heads.h"
#include "store.h"

/*
 * es_sealed_walk_begin
 *		Starts going through what is recorded of a stream, by seals; the table of
 *		events is locked.
 */
void
es_sealed_walk_begin(EsSealedWalk *walk, int64 stream_id, Snapshot snapshot)
{
	ScanKeyData key;

	walk->sealed_heads = es_store_open(ES_SEALED_HEADS, AccessShareLock);
	walk->index = es_store_open_index(ES_SEALED_HEADS_BY_STREAM, AccessShareLock);
	walk->slot = table_slot_create(walk->sealed_heads, NULL);
	walk->scan = es_index_beginscan(walk->sealed_heads, walk->index, snapshot, 1);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(stream_id));
	index_rescan(walk->scan, &key, 1, NULL, 0);
}

/*
 * es_sealed_walk_next
 *		The next row, good until the one after it; NULL after the last.
 */
const EsSealedHead *
es_sealed_walk_next(EsSealedWalk *walk)
{
	CHECK_FOR_INTERRUPTS();
	if (!index_getnext_slot(walk->scan, ForwardScanDirection, walk->slot))
		return NULL;
	walk->head.stream_id =
		DatumGetInt64(es_column(walk->slot, ES_SEALED_HEADS, HEAD_STREAM_ID));
	walk->head.version =
		DatumGetInt64(es_column(walk->slot, ES_SEALED_HEADS, HEAD_VERSION));
	(void) es_hash_from_value(es_column(walk->slot, ES_SEALED_HEADS, HEAD_HASH),
							  &walk->head.hash);
	walk->head.stream =
		DatumGetTextPP(es_column(walk->slot, ES_SEALED_HEADS, HEAD_STREAM));
	return &walk->head;
}

/*
 * es_sealed_walk_end
 *		Ends that.
 */
void
es_sealed_walk_end(EsSealedWalk *walk)
{
	index_endscan(walk->scan);
	ExecDropSingleTupleTableSlot(walk->slot);
	index_close(walk->index, NoLock);
	table_close(walk->sealed_heads, NoLock);
}
