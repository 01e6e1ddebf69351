/*-------------------------------------------------------------------------
 *
 * time_travel.c
 *	  The state of aggregates at a moment, and how it came to be.
 *
 * These calls see what the calling query sees.  recorded_at lies before the commit,
 * so that what they tell about the last moments can still change; what they tell
 * about a safe position cannot.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/time_travel.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "aggregate_value.h"
#include "check.h"
#include "compat.h"
#include "event_columns.h"
#include "history.h"
#include "jsonb_changes.h"
#include "load.h"
#include "moment.h"
#include "named_columns.h"
#include "result_rows.h"
#include "store.h"
#include "stream_list.h"

PG_FUNCTION_INFO_V1(event_store_state_at);
PG_FUNCTION_INFO_V1(event_store_states_at);
PG_FUNCTION_INFO_V1(event_store_history);

/* At a moment ------------------------------------------------------------- */

/*
 * raise_not_reached
 *		22023: a stream has not reached a version.
 */
static void
raise_not_reached(const text *stream, int64 version, int64 actual)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("stream \"%s\" has not reached version %lld",
					text_to_cstring(stream), (long long) version),
			 errdetail("Its version is %lld.", (long long) actual)));
}

/*
 * load_at
 *		Loads an aggregate as it was at a moment; returns its stream's version
 *		then, or -1 for a version that it has not reached.
 */
static int64
load_at(Relation events, const EsStream *row, const EsMoment *moment,
		EsAggregateType *type, EsAggregate *aggregate)
{
	Snapshot snapshot = GetActiveSnapshot();
	EsLoad load = {es_moment_version(events, snapshot, row, moment), true};
	EsHead head;

	if (load.max_version > 0)
		es_load(events, snapshot, row, &load, type, aggregate, &head);
	else
		es_load_nothing(type, aggregate);
	return load.max_version;
}

/*
 * find_and_load_at
 *		The same for a stream by its name; raises 22023 for a version that it has
 *		not reached.
 */
static void
find_and_load_at(const EsMoment *moment, EsAggregateType *type,
				 EsAggregate *aggregate)
{
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);
	EsStream row;
	bool exists =
		es_find_stream(streams, GetActiveSnapshot(), aggregate->stream, &row);

	es_load_nothing(type, aggregate);
	if (exists && load_at(events, &row, moment, type, aggregate) < 0)
	{
		EsHead head;

		es_stream_head(events, GetActiveSnapshot(), &row, &head);
		raise_not_reached(aggregate->stream, moment->place, head.version);
	}
	if (!exists && moment->kind == ES_AT_VERSION && moment->place > 0)
		raise_not_reached(aggregate->stream, moment->place, 0);
	table_close(streams, NoLock);
	table_close(events, NoLock);
}

/*
 * event_store_state_at
 *		state_at(stream, version, as_of, global_position) returns aggregate
 *
 * Raises 22004, 22023, ST002, ST004, and what the apply function raises.
 */
Datum
event_store_state_at(PG_FUNCTION_ARGS)
{
	EsAggregate aggregate = {.stream = es_stream_argument(fcinfo, 0)};
	TupleDesc desc = es_aggregate_result_desc(fcinfo);
	EsAggregateType type;
	EsMoment moment;

	es_moment_argument(fcinfo, 1, 2, 3, &moment);
	es_aggregate_type_require(aggregate.stream, &type);
	find_and_load_at(&moment, &type, &aggregate);
	return es_aggregate_datum(desc, &aggregate);
}

/*
 * put_states
 *		Puts the aggregates of a category as they were at a moment into the
 *		result; those that did not exist yet are left out.
 */
static void
put_states(ReturnSetInfo *result, text *category, text *after_stream,
		   int64 max_count, const EsMoment *moment, EsAggregateType *type)
{
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	EsStreamList *list = es_stream_list_begin(category, after_stream);
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	EsAggregate aggregate;
	EsStream row;

	while (max_count > 0 &&
		   (aggregate.stream = es_stream_list_next(list, &row)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);

		if (load_at(events, &row, moment, type, &aggregate) > 0)
		{
			tuplestore_puttuple(result->setResult,
								es_aggregate_tuple(result->setDesc, &aggregate));
			max_count--;
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
	es_stream_list_end(list);
	table_close(events, NoLock);
}

/*
 * event_store_states_at
 *		states_at(category, as_of, global_position, after_stream, max_count)
 *		returns setof aggregate
 *
 * In the byte order of the streams' names.  Raises what state_at() raises.
 */
Datum
event_store_states_at(PG_FUNCTION_ARGS)
{
	text *after_stream = PG_ARGISNULL(3) ? NULL : PG_GETARG_TEXT_PP(3);
	int64 max_count = es_count_argument(fcinfo, 4);
	EsAggregateType type;
	EsMoment moment;
	text *category;

	es_check_not_null(fcinfo, 0, "category");
	category = PG_GETARG_TEXT_PP(0);
	es_check_category(category);
	es_moment_argument(fcinfo, -1, 1, 2, &moment);
	es_aggregate_type_require(category, &type);
	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	put_states((ReturnSetInfo *) fcinfo->resultinfo, category, after_stream,
			   max_count, &moment, &type);
	return (Datum) 0;
}

/* From moment to moment --------------------------------------------------- */

/*
 * put_versions
 *		Puts events of a stream with the states after them into the result.
 */
static void
put_versions(ReturnSetInfo *result, const EsAggregateType *type,
			 EsHistory *history, text *stream, int64 max_count)
{
	EsNamedColumns *columns =
		es_named_columns(result->setDesc, es_upcasting_by(type->event_types));
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	EsHistoryEvent next;

	while (max_count-- > 0 && es_history_next(history, &next))
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);
		Jsonb *changes = es_jsonb_changes(DatumGetJsonbP(next.before),
										  DatumGetJsonbP(next.after));

		es_named_columns_event(columns, next.event, stream);
		es_named_columns_set(columns, "state", next.after);
		es_named_columns_set(columns, "changes", JsonbPGetDatum(changes));
		es_named_columns_put(columns, result);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
}

/*
 * event_store_history
 *		history(stream, from_version, max_count, to_version) returns setof
 *		history_entry
 *
 * Raises 22004, 22023, ST002, ST004, and what the apply function raises.
 */
Datum
event_store_history(PG_FUNCTION_ARGS)
{
	text *stream = es_stream_argument(fcinfo, 0);
	int64 from_version = es_bigint_argument(fcinfo, 1, 1);
	int64 max_count = es_count_argument(fcinfo, 2);
	int64 to_version = es_bigint_argument(fcinfo, 3, PG_INT64_MAX);
	EsAggregateType type;
	EsStream row;
	Relation events;
	Relation streams;

	es_check_not_negative(from_version, "from_version");
	es_check_not_negative(to_version, "to_version");
	es_aggregate_type_require(stream, &type);
	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	events = es_store_open(ES_EVENTS, AccessShareLock);
	streams = es_store_open(ES_STREAMS, AccessShareLock);
	if (es_find_stream(streams, GetActiveSnapshot(), stream, &row))
	{
		EsHistory *history =
			es_history_begin(events, GetActiveSnapshot(), stream, &row, &type,
							 from_version, to_version);

		put_versions((ReturnSetInfo *) fcinfo->resultinfo, &type, history,
					 stream, max_count);
		es_history_end(history);
	}
	table_close(streams, NoLock);
	table_close(events, NoLock);
	return (Datum) 0;
}
