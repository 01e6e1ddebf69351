/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  Scans over events: of one stream by version, of many by position.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SCAN_H
#define ES_SCAN_H

#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

/* Bounds of a scan; both inclusive. */
typedef struct EsRange
{
	int64 lowest;
	int64 highest;
	bool backwards;
} EsRange;

/* Streams whose events are not wanted; a scan may return some all the same. */
typedef struct EsStreamFilter
{
	bool (*is_unwanted)(void *arg, int64 stream_id);
	void *arg;
} EsStreamFilter;

typedef struct EsScan EsScan;

extern EsScan *es_scan_stream(Relation events, Snapshot snapshot,
							  int64 stream_id, const EsRange *range);
extern EsScan *es_scan_positions(Relation events, Snapshot snapshot,
								 const EsRange *range,
								 const EsStreamFilter *filter);
extern EsScan *es_scan_categories(Relation events, Snapshot snapshot,
								  const int64 *category_ids, int ncategories,
								  const EsRange *range,
								  const EsStreamFilter *filter);
extern EsScan *es_scan_types(Relation events, Snapshot snapshot,
							 text *const *types, int ntypes,
							 const EsRange *range);
extern void es_scan_with_streams(EsScan *scan);
extern TupleTableSlot *es_scan_next(EsScan *scan);
extern void es_scan_end(EsScan *scan);
extern bool es_recorded_after(TupleTableSlot *event, TimestampTz time);

#endif /* ES_SCAN_H */
