/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *	  Aggregates: loading one, deciding on it, saving what was decided.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/aggregate.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_AGGREGATE_H
#define ES_AGGREGATE_H

#include "access/htup.h"

#include "append.h"

extern Datum es_add_event(HeapTupleHeader header, const EsNewEvent *event);
extern void es_take_snapshot_if_due(text *stream, int64 before, int64 after);

#endif /* ES_AGGREGATE_H */
