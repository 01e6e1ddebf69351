/*-------------------------------------------------------------------------
 *
 * audit_trail.c
 *	  The SQL call that tells who did what, when and why.
 *
 * The trail is of one stream, of a category or of all.  Each stream is gone through
 * by itself, within its versions at the two times, so that the states before and
 * after its events are at hand; then the entries are put in the order of their
 * positions.
 *
 * A trail of more than a stream may be gone on with after its last position, so it
 * ends at the safe position and sees by a snapshot that was taken after that.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/audit_trail.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

#include "check.h"
#include "compat.h"
#include "history.h"
#include "moment.h"
#include "named_columns.h"
#include "position.h"
#include "store.h"
#include "stream_list.h"

PG_FUNCTION_INFO_V1(event_store_audit_trail);

typedef struct Trail
{
	/* what is asked for */
	TimestampTz since; /* inclusive */
	TimestampTz until; /* exclusive */
	int64 after_position;
	int64 max_count;
	bool with_states;

	int64 safe_position; /* beyond which it does not go */
	Relation events;
	EsNamedColumns *columns;
	ReturnSetInfo *result;
	Tuplesortstate *sort; /* NULL for a single stream, which is in order */
} Trail;

/* Columns that are taken from the metadata, and their keys. */
static const struct
{
	const char *column;
	const char *key;
} from_metadata[] = {
	{"application", "$application"},
	{"reason", "reason"},
	{"correlation_id", "correlation_id"},
	{"causation_id", "causation_id"},
};

/*
 * metadata_text
 *		What metadata says under a key, as text; 0 for nothing.
 */
static Datum
metadata_text(Jsonb *metadata, const char *key)
{
	JsonbValue value;
	JsonbValue *found = JB_ROOT_IS_OBJECT(metadata)
		? getKeyJsonValueFromContainer(&metadata->root, key, strlen(key), &value)
		: NULL;
	Jsonb *jsonb;

	if (found == NULL || found->type == jbvNull)
		return (Datum) 0;
	if (found->type == jbvString)
		return PointerGetDatum(cstring_to_text_with_len(found->val.string.val,
														found->val.string.len));
	jsonb = JsonbValueToJsonb(found);
	return CStringGetTextDatum(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)));
}

/*
 * put_entry
 *		Adds an entry to the trail.
 */
static void
put_entry(Trail *trail, const EsHistoryEvent *entry, text *stream)
{
	Jsonb *metadata =
		DatumGetJsonbP(es_column(entry->event, ES_EVENTS, EV_METADATA));

	es_named_columns_event(trail->columns, entry->event, stream);
	for (int i = 0; i < lengthof(from_metadata); i++)
		es_named_columns_set(trail->columns, from_metadata[i].column,
							 metadata_text(metadata, from_metadata[i].key));
	es_named_columns_set(trail->columns, "state_before", entry->before);
	es_named_columns_set(trail->columns, "state_after", entry->after);
	if (trail->sort != NULL)
		es_named_columns_sort(trail->columns, trail->sort);
	else
		es_named_columns_put(trail->columns, trail->result);
}

/*
 * version_before
 *		A stream's version just before a time.
 */
static int64
version_before(const Trail *trail, const EsStream *row, TimestampTz time)
{
	EsMoment moment = {ES_AT_TIME, 0, time};

	if (TIMESTAMP_IS_NOBEGIN(time))
		return 0;
	if (TIMESTAMP_IS_NOEND(time))
		return PG_INT64_MAX;
	moment.time--; /* times are whole microseconds */
	return es_moment_version(trail->events, GetActiveSnapshot(), row, &moment);
}

/*
 * find_range
 *		The versions of a stream that belong to the trail; false for none.
 */
static bool
find_range(const Trail *trail, const EsStream *row, int64 *from, int64 *to)
{
	EsMoment after = {ES_AT_POSITION, trail->after_position, 0};
	int64 before = version_before(trail, row, trail->since);

	if (trail->after_position > 0)
		before = Max(before,
					 es_moment_version(trail->events, GetActiveSnapshot(), row,
									   &after));
	*to = version_before(trail, row, trail->until);
	if (before >= *to)
		return false;
	*from = before + 1;
	return true;
}

/*
 * is_beyond
 *		Whether an event is beyond the safe position.
 */
static bool
is_beyond(const Trail *trail, TupleTableSlot *event)
{
	return DatumGetInt64(es_column(event, ES_EVENTS, EV_GLOBAL_POSITION)) >
		trail->safe_position;
}

/*
 * put_stream
 *		Adds a stream's entries to the trail.
 */
static void
put_stream(Trail *trail, text *stream, const EsStream *row,
		   MemoryContext row_context)
{
	EsAggregateType type;
	bool has_type = trail->with_states && es_aggregate_type_get(stream, &type);
	EsHistory *history;
	EsHistoryEvent entry;
	int64 from;
	int64 to;
	int64 left = trail->max_count;

	if (!find_range(trail, row, &from, &to))
		return;
	history = es_history_begin(trail->events, GetActiveSnapshot(), stream, row,
							   has_type ? &type : NULL, from, to);
	while (left-- > 0 && es_history_next(history, &entry))
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		if (is_beyond(trail, entry.event))
			left = 0;
		else
			put_entry(trail, &entry, stream);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
	es_history_end(history);
}

/*
 * put_one
 *		The trail of one stream.
 */
static void
put_one(Trail *trail, text *stream, MemoryContext row_context)
{
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);
	EsStream row;

	if (es_find_stream(streams, GetActiveSnapshot(), stream, &row))
		put_stream(trail, stream, &row, row_context);
	table_close(streams, NoLock);
}

/*
 * put_sorted
 *		Puts the entries that were sorted into the result.
 */
static void
put_sorted(Trail *trail)
{
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(trail->result->setDesc, &TTSOpsMinimalTuple);

	tuplesort_performsort(trail->sort);
	while (trail->max_count-- > 0 &&
		   tuplesort_gettupleslot(trail->sort, true, false, slot, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		tuplestore_puttupleslot(trail->result->setResult, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_end(trail->sort);
}

/*
 * put_many
 *		The trail of a category's streams, or of all.
 */
static void
put_many(Trail *trail, text *category, MemoryContext row_context)
{
	EsStreamList *list;
	Snapshot snapshot;
	MemoryContext stream_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store stream",
							  ALLOCSET_DEFAULT_SIZES);
	EsStream row;
	text *stream;

	/* the order counts, as for any read of the store: see position.c */
	trail->safe_position = es_safe_position(PG_INT64_MAX);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	snapshot->curcid++; /* what the running command has appended, too */
	PushActiveSnapshot(snapshot);
	list = es_stream_list_begin(category, NULL);
	trail->sort = es_named_columns_begin_sort(trail->columns, "global_position");
	if (trail->max_count > 0 && trail->max_count < PG_INT64_MAX)
		tuplesort_set_bound(trail->sort, trail->max_count);
	while ((stream = es_stream_list_next(list, &row)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(stream_context);

		put_stream(trail, stream, &row, row_context);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(stream_context);
	}
	MemoryContextDelete(stream_context);
	es_stream_list_end(list);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	put_sorted(trail);
}

/*
 * time_argument
 *		A time that was passed.
 */
static TimestampTz
time_argument(FunctionCallInfo fcinfo, int arg, TimestampTz if_null)
{
	return PG_ARGISNULL(arg) ? if_null : PG_GETARG_TIMESTAMPTZ(arg);
}

/*
 * event_store_audit_trail
 *		audit_trail(stream, category, since, until, after_position, max_count,
 *		with_states) returns setof audit_entry
 *
 * In the order of their positions: a stream as the calling query sees it, a
 * category or the store up to the safe position, with a fresh snapshot.  Raises
 * 22023, ST002, and with states what the apply function raises.
 */
Datum
event_store_audit_trail(PG_FUNCTION_ARGS)
{
	text *stream = PG_ARGISNULL(0) ? NULL : es_stream_argument(fcinfo, 0);
	text *category = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	MemoryContext row_context;
	Trail trail = {0};

	if (stream != NULL && category != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stream and category must not both be given")));
	if (category != NULL)
		es_check_category(category);
	trail.since = time_argument(fcinfo, 2, DT_NOBEGIN);
	trail.until = time_argument(fcinfo, 3, DT_NOEND);
	trail.after_position = es_bigint_argument(fcinfo, 4, 0);
	es_check_not_negative(trail.after_position, "after_position");
	trail.max_count = es_count_argument(fcinfo, 5);
	trail.with_states = PG_ARGISNULL(6) || PG_GETARG_BOOL(6);

	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	trail.result = (ReturnSetInfo *) fcinfo->resultinfo;
	trail.safe_position = PG_INT64_MAX;
	trail.events = es_store_open(ES_EVENTS, AccessShareLock);
	trail.columns = es_named_columns(trail.result->setDesc, es_upcasting(false));
	row_context = AllocSetContextCreate(CurrentMemoryContext, "event_store row",
										ALLOCSET_DEFAULT_SIZES);
	if (stream != NULL)
		put_one(&trail, stream, row_context);
	else
		put_many(&trail, category, row_context);
	MemoryContextDelete(row_context);
	table_close(trail.events, NoLock);
	return (Datum) 0;
}
