/*-------------------------------------------------------------------------
 *
 * load.h
 *	  The state of an aggregate: from a snapshot, and the events after it.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/load.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_LOAD_H
#define ES_LOAD_H

#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "aggregate_type.h"
#include "aggregate_value.h"
#include "stream.h"

/* What to load: up to which version, and whether from a snapshot. */
typedef struct EsLoad
{
	int64 max_version;
	bool use_snapshot;
} EsLoad;

extern void es_load(Relation events, Snapshot snapshot, const EsStream *row,
					const EsLoad *load, EsAggregateType *type,
					EsAggregate *aggregate, EsHead *head);
extern bool es_find_and_load(Relation events, Relation streams,
							 Snapshot snapshot, bool use_snapshot,
							 EsAggregateType *type, EsAggregate *aggregate,
							 EsStream *row, EsHead *head);
extern void es_load_nothing(const EsAggregateType *type, EsAggregate *aggregate);

#endif /* ES_LOAD_H */
