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
} EsLeafIndex;

/*
 * Rows that are not wanted, told by a bigint column, which is at the same place in
 * every row that has it.
 */
typedef struct EsLeafFilter
{
	bool (*is_unwanted)(void *arg, int64 value);
	void *arg;
	AttrNumber attnum;
	int offset;
} EsLeafFilter;

typedef struct EsLeafScan EsLeafScan;

extern bool es_leaf_last(const EsLeafIndex *leaf_index, Snapshot snapshot,
						 int64 prefix, TupleTableSlot *slot);
extern EsLeafScan *es_leaf_scan_begin(const EsLeafIndex *leaf_index,
									  Snapshot snapshot, int64 prefix,
									  int64 lowest, int64 highest);
extern void es_leaf_scan_leave_out(EsLeafScan *scan, const EsLeafFilter *filter);
extern void es_leaf_scan_with_streams(EsLeafScan *scan, int offset);
extern bool es_leaf_scan_next(EsLeafScan *scan, TupleTableSlot *slot);
extern void es_leaf_scan_end(EsLeafScan *scan);

#endif /* ES_LEAF_H */
