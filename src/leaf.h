/*-------------------------------------------------------------------------
 *
 * leaf.h
 *	  Rows by indexes of whole numbers, read from the leaf pages.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/leaf.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_LEAF_H
#define ES_LEAF_H

#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* What leads to rows: a B-tree on one or two bigint columns. */
typedef struct EsLeafIndex
{
	Relation table;
	Relation index;
	int nkeys;
	bool by_version; /* the index of versions, which has a map */
} EsLeafIndex;

typedef struct EsLeafScan EsLeafScan;

extern bool es_leaf_last(const EsLeafIndex *leaf_index, Snapshot snapshot,
						 int64 prefix, TupleTableSlot *slot);
extern EsLeafScan *es_leaf_scan_begin(const EsLeafIndex *leaf_index,
									  Snapshot snapshot, int64 prefix,
									  int64 lowest, int64 highest);
extern bool es_leaf_scan_next(EsLeafScan *scan, TupleTableSlot *slot);
extern void es_leaf_scan_end(EsLeafScan *scan);

#endif /* ES_LEAF_H */
