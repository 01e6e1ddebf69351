/*-------------------------------------------------------------------------
 *
 * sealed_heads.h
 *	  The record of seals: where streams ended when the store was sealed.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/sealed_heads.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SEALED_HEADS_H
#define ES_SEALED_HEADS_H

#include "access/genam.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "event_hash.h"

/* Where a stream ended. */
typedef struct EsSealedHead
{
	int64 stream_id;
	int64 version;
	EsHash hash;
	text *stream; /* its name */
} EsSealedHead;

/* Goes through what is recorded of one stream. */
typedef struct EsSealedWalk
{
	Relation sealed_heads;
	Relation index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	EsSealedHead head;
} EsSealedWalk;

extern void es_sealed_walk_begin(EsSealedWalk *walk, int64 stream_id,
								 Snapshot snapshot);
extern const EsSealedHead *es_sealed_walk_next(EsSealedWalk *walk);
extern void es_sealed_walk_end(EsSealedWalk *walk);

#endif /* ES_SEALED_HEADS_H */
