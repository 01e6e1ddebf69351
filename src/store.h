/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The store's tables: their columns, indexes and how they are opened.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/store.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_STORE_H
#define ES_STORE_H

#include "access/attnum.h"
#include "executor/tuptable.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#define ES_SCHEMA "event_store"

/*
 * The store's tables.  Whoever opens several begins with events, as dropping a
 * store does, so that nobody deadlocks with that.
 */
typedef enum EsTableId
{
	ES_CATEGORIES,
	ES_STREAMS,
	ES_EVENTS,
	ES_SNAPSHOTS,
	ES_AGGREGATE_TYPES, /* a store of before 0.2.0 has none */
	ES_EVENT_TYPES,		/* nor this */
	ES_HASH_CHAIN,		/* nor one without a hash chain this */
	ES_SEALED_HEADS,	/* nor this */
	ES_PROJECTIONS,		/* a store of before 0.2.0 has none */
	ES_SUBSCRIPTIONS,	/* nor this */
	ES_HORIZON			/* nor this */
} EsTableId;

#define ES_FIRST_OPTIONAL ES_AGGREGATE_TYPES
#define ES_NUM_TABLES	  (ES_HORIZON + 1)

/* Columns of categories. */
typedef enum EsCategoriesColumn
{
	CAT_CATEGORY_ID,
	CAT_CATEGORY,
	CAT_NUM_COLUMNS
} EsCategoriesColumn;

/* Columns of streams. */
typedef enum EsStreamsColumn
{
	STR_STREAM_ID,
	STR_CATEGORY_ID,
	STR_BASE_VERSION,
	STR_CREATED_AT,
	STR_STREAM,
	STR_NUM_COLUMNS
} EsStreamsColumn;

/* Columns of events. */
typedef enum EsEventsColumn
{
	EV_GLOBAL_POSITION,
	EV_STREAM_ID,
	EV_VERSION,
	EV_CATEGORY_ID,
	EV_RECORDED_AT,
	EV_SCHEMA_VERSION,
	EV_EVENT_ID,
	EV_TYPE,
	EV_DATA,
	EV_METADATA,
	EV_HASH, /* may be null; only a store with a hash chain has it */
	EV_NUM_COLUMNS
} EsEventsColumn;

/* Columns of snapshots. */
typedef enum EsSnapshotsColumn
{
	SNAP_STREAM_ID,
	SNAP_VERSION,
	SNAP_STATE_VERSION,
	SNAP_CREATED_AT,
	SNAP_STATE,
	SNAP_TYPE_DIGEST, /* may be null; a store of before 0.2.0 has none */
	SNAP_NUM_COLUMNS
} EsSnapshotsColumn;

/* Columns of aggregate_types. */
typedef enum EsAggregateTypesColumn
{
	AGG_CATEGORY,
	AGG_INITIAL_STATE,
	AGG_APPLY,
	AGG_SNAPSHOT_EVERY, /* may be null */
	AGG_STATE_VERSION,
	AGG_NUM_COLUMNS
} EsAggregateTypesColumn;

/* Columns of event_types. */
typedef enum EsEventTypesColumn
{
	TYP_TYPE,
	TYP_SCHEMA_VERSION,
	TYP_VALIDATOR, /* may be null, as may the others */
	TYP_UPCASTER,
	TYP_TO_TYPE,
	TYP_NUM_COLUMNS
} EsEventTypesColumn;

/* Columns of hash_chain. */
typedef enum EsHashChainColumn
{
	CHAIN_AFTER_POSITION,
	CHAIN_NUM_COLUMNS
} EsHashChainColumn;

/* Columns of sealed_heads. */
typedef enum EsSealedHeadsColumn
{
	HEAD_STREAM_ID,
	HEAD_SEALED_POSITION,
	HEAD_VERSION,
	HEAD_HASH,
	HEAD_STREAM,
	HEAD_NUM_COLUMNS
} EsSealedHeadsColumn;

/* Columns of projections. */
typedef enum EsProjectionsColumn
{
	PROJ_PROJECTION,
	PROJ_MODE,
	PROJ_HANDLER,
	PROJ_RESET,		 /* may be null */
	PROJ_CATEGORIES, /* may be null */
	PROJ_TYPES,		 /* may be null */
	PROJ_ON_ERROR,
	PROJ_MAX_ATTEMPTS,
	PROJ_RETRY_DELAY,
	PROJ_START_POSITION,
	PROJ_GENERATION,
	PROJ_PAUSED,
	PROJ_NUM_COLUMNS
} EsProjectionsColumn;

/* Columns of subscriptions. */
typedef enum EsSubscriptionsColumn
{
	SUB_SUBSCRIPTION,
	SUB_CATEGORIES, /* may be null */
	SUB_TYPES,		/* may be null */
	SUB_PARTITIONS,
	SUB_START_POSITION,
	SUB_ON_ERROR,
	SUB_MAX_ATTEMPTS,
	SUB_RETRY_DELAY,
	SUB_NUM_COLUMNS
} EsSubscriptionsColumn;

/* Columns of horizon. */
typedef enum EsHorizonColumn
{
	HOR_TURN,
	HOR_SAFE_POSITION,
	HOR_NUM_COLUMNS
} EsHorizonColumn;

#define ES_MAX_COLUMNS PROJ_NUM_COLUMNS

/* The indexes that the store's code reads by. */
typedef enum EsIndexId
{
	ES_CATEGORIES_BY_ID,
	ES_CATEGORIES_BY_NAME,
	ES_STREAMS_BY_ID,
	ES_STREAMS_BY_NAME,
	ES_EVENTS_BY_POSITION,
	ES_EVENTS_BY_VERSION,
	ES_EVENTS_BY_ID,
	ES_EVENTS_BY_CATEGORY,
	ES_EVENTS_BY_TYPE, /* only where create_store() was asked for it */
	ES_SNAPSHOTS_BY_VERSION,
	ES_AGGREGATE_TYPES_BY_CATEGORY,
	ES_SEALED_HEADS_BY_STREAM
} EsIndexId;

#define ES_NUM_INDEXES (ES_SEALED_HEADS_BY_STREAM + 1)

extern void es_store_init(void);
extern bool es_store_exists(void);
extern Oid es_store_events(void);
extern uint64 es_store_generation(void);
extern Oid es_store_sequence(void);
extern Oid es_store_index(EsIndexId index);
extern const char *es_store_index_name(EsIndexId index);
extern int es_store_column_count(EsTableId table);
extern AttrNumber es_store_attnum(EsTableId table, int column);
extern int es_store_offset(EsTableId table, int column);
extern int64 es_bigint_column(TupleTableSlot *slot, EsTableId table, int column);
extern Datum es_column(TupleTableSlot *slot, EsTableId table, int column);
extern Datum es_optional_column(TupleTableSlot *slot, EsTableId table,
								int column, bool *isnull);
extern bool es_store_has(EsTableId table);
extern Oid es_store_owner(EsTableId table);
extern Oid es_store_lock(EsTableId table, LOCKMODE lockmode, ResourceOwner owner);
extern Relation es_store_open_locked(Oid relid);
extern Relation es_store_open(EsTableId table, LOCKMODE lockmode);
extern Oid es_store_lock_sequence(LOCKMODE lockmode, ResourceOwner owner);
extern Relation es_store_open_sequence(LOCKMODE lockmode);
extern Relation es_store_open_index(EsIndexId index, LOCKMODE lockmode);

#endif /* ES_STORE_H */
