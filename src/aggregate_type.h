/*-------------------------------------------------------------------------
 *
 * aggregate_type.h
 *	  How the events of a category fold into a state.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/aggregate_type.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_AGGREGATE_TYPE_H
#define ES_AGGREGATE_TYPE_H

#include "fmgr.h"

#include "event_store_api.h"
#include "event_type.h"

/* An aggregate type, all of it in the memory of who asked for it. */
typedef struct EsAggregateType
{
	Datum initial_state;
	int32 snapshot_every; /* 0 for never */
	int32 state_version;
	int64 type_digest;				 /* tells it from what it was before */
	Oid owner;						 /* who the function runs as */
	uint64 changes;					 /* of functions, when it was looked up */
	uint64 generation;				 /* of the store, then */
	const EsEventTypes *event_types; /* as the digest counts them in */
	FmgrInfo apply;
	EventStoreApply apply_struct; /* the same for C's events, or NULL */
} EsAggregateType;

extern bool es_aggregate_type_get(const text *stream, EsAggregateType *type);
extern bool es_aggregate_type_is_current(const EsAggregateType *type);
extern void es_aggregate_type_require(const text *stream, EsAggregateType *type);

#endif /* ES_AGGREGATE_TYPE_H */
