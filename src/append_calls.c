/*-------------------------------------------------------------------------
 *
 * append_calls.c
 *	  The SQL calls that append.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/append_calls.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "append.h"
#include "call_scan.h"
#include "check.h"
#include "event_input.h"
#include "hints.h"
#include "locks.h"
#include "metadata.h"
#include "result_rows.h"

PG_FUNCTION_INFO_V1(event_store_append);
PG_FUNCTION_INFO_V1(event_store_append_events);
PG_FUNCTION_INFO_V1(event_store_append_json);
PG_FUNCTION_INFO_V1(event_store_append_streams);
PG_FUNCTION_INFO_V1(event_store_lock_store);

/* How many attributes of append_result this code knows. */
#define RESULT_ATTRIBUTES 2

/*
 * expected_version_argument
 *		An argument that is an expected version, or raises 22004 or 22023.
 */
static int64
expected_version_argument(FunctionCallInfo fcinfo, int arg)
{
	int64 expected_version;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("expected_version must not be null"),
				 errhint(
					 "Leave it out, or pass event_store.any_version(), to append whatever the version is.")));
	expected_version = PG_GETARG_INT64(arg);
	es_check_expected_version(expected_version, NULL);
	return expected_version;
}

/*
 * prepare_result
 *		Looks up append_result.  This comes before the append, which may wait for
 *		somebody who drops the extension: then the function's own description
 *		is no longer there.
 */
static void
prepare_result(FunctionCallInfo fcinfo)
{
	TupleDesc desc;
	MemoryContext caller;

	if (fcinfo->flinfo->fn_extra != NULL)
		return;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	fcinfo->flinfo->fn_extra = BlessTupleDesc(desc);
	MemoryContextSwitchTo(caller);
}

/*
 * result_datum
 *		An append_result: the place of the last event.
 */
static Datum
result_datum(FunctionCallInfo fcinfo, const EsStreamAppend *append)
{
	Datum values[RESULT_ATTRIBUTES];
	bool nulls[RESULT_ATTRIBUTES] = {false, false};

	values[0] = Int64GetDatum(append->version);
	values[1] = Int64GetDatum(append->global_position);
	return HeapTupleGetDatum(es_form_row((TupleDesc) fcinfo->flinfo->fn_extra,
										 values, nulls, lengthof(values)));
}

/*
 * append_one
 *		append(stream, type, data, expected_version, metadata, event_id,
 *		schema_version)
 *
 * Raises 22004 and 22023 for arguments that cannot be, and as es_append().
 */
static void
append_one(FunctionCallInfo fcinfo, EsStreamAppend *append)
{
	EsNewEvent *event = palloc0(sizeof(EsNewEvent));

	es_check_writable("append()");
	append->stream = es_stream_argument(fcinfo, 0);
	es_hint_prefetch(es_stream_key(append->stream));
	event->type = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	es_check_type(event->type, NULL);
	if (PG_ARGISNULL(2))
		es_refuse_null("event data", NULL);
	event->data = PG_GETARG_DATUM(2);
	es_check_data(event->data, "event data", NULL);
	append->expected_version = expected_version_argument(fcinfo, 3);
	event->metadata = PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4);
	es_check_metadata(event->metadata, NULL);
	event->has_id = !PG_ARGISNULL(5);
	if (event->has_id)
		event->event_id = *PG_GETARG_UUID_P(5);
	event->schema_version = PG_ARGISNULL(6) ? 1 : PG_GETARG_INT32(6);
	es_check_schema_version(event->schema_version, NULL);

	append->nevents = 1;
	append->events = event;
	es_append(append, 1);
}

/*
 * append_array
 *		append_events(stream, events new_event[], expected_version)
 */
static void
append_array(FunctionCallInfo fcinfo, EsStreamAppend *append)
{
	es_check_writable("append_events()");
	append->stream = es_stream_argument(fcinfo, 0);
	es_hint_prefetch(es_stream_key(append->stream));
	es_check_not_null(fcinfo, 1, "events");
	append->expected_version = expected_version_argument(fcinfo, 2);
	es_events_from_array(PG_GETARG_ARRAYTYPE_P(1), append);
	es_append(append, 1);
}

/*
 * append_list
 *		append_json(stream, events jsonb, expected_version)
 */
static void
append_list(FunctionCallInfo fcinfo, EsStreamAppend *append)
{
	es_check_writable("append_json()");
	append->stream = es_stream_argument(fcinfo, 0);
	es_hint_prefetch(es_stream_key(append->stream));
	es_check_not_null(fcinfo, 1, "events");
	append->expected_version = expected_version_argument(fcinfo, 2);
	es_events_from_json(PG_GETARG_JSONB_P(1), append);
	es_append(append, 1);
}

/* Called as functions, which return append_result ------------------------- */

/*
 * run
 *		Appends, and returns an append_result.
 */
static Datum
run(FunctionCallInfo fcinfo,
	void (*append_as)(FunctionCallInfo, EsStreamAppend *))
{
	EsStreamAppend append = {0};

	prepare_result(fcinfo);
	append_as(fcinfo, &append);
	return result_datum(fcinfo, &append);
}

/*
 * event_store_append
 *		See append_one().
 */
Datum
event_store_append(PG_FUNCTION_ARGS)
{
	return run(fcinfo, append_one);
}

/*
 * event_store_append_events
 *		See append_array().
 */
Datum
event_store_append_events(PG_FUNCTION_ARGS)
{
	return run(fcinfo, append_array);
}

/*
 * event_store_append_json
 *		See append_list().
 */
Datum
event_store_append_json(PG_FUNCTION_ARGS)
{
	return run(fcinfo, append_list);
}

/* Called in FROM, see call_scan.c ----------------------------------------- */

/* An append that was made, as the one row of a scan. */
typedef struct AppendCall
{
	EsStreamAppend append;
	const AttrNumber *wanted;
	int nwanted;
	bool given;
} AppendCall;

/*
 * begin
 *		Appends.
 */
static void *
begin(FunctionCallInfo fcinfo, const AttrNumber *wanted, int nwanted,
	  void (*append_as)(FunctionCallInfo, EsStreamAppend *))
{
	AppendCall *call = palloc0(sizeof(AppendCall));

	call->wanted = wanted;
	call->nwanted = nwanted;
	append_as(fcinfo, &call->append);
	return call;
}

/*
 * begin_one
 *		Begins append().
 */
static void *
begin_one(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted, int nwanted)
{
	return begin(fcinfo, wanted, nwanted, append_one);
}

/*
 * begin_array
 *		Begins append_events().
 */
static void *
begin_array(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted,
			int nwanted)
{
	return begin(fcinfo, wanted, nwanted, append_array);
}

/*
 * begin_list
 *		Begins append_json().
 */
static void *
begin_list(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted,
		   int nwanted)
{
	return begin(fcinfo, wanted, nwanted, append_list);
}

/*
 * next
 *		The place of the last event, once.  Attributes of append_result that this
 *		code does not know are NULL.
 */
static bool
next(void *arg, Datum *values, bool *nulls)
{
	AppendCall *call = arg;

	if (call->given)
		return false;
	for (int i = 0; i < call->nwanted; i++)
	{
		nulls[i] = call->wanted[i] > RESULT_ATTRIBUTES;
		values[i] =
			Int64GetDatum(call->wanted[i] == 1 ? call->append.version
											   : call->append.global_position);
	}
	call->given = true;
	return true;
}

/*
 * rewind_append
 *		Gives the row again.
 */
static void
rewind_append(void *arg)
{
	((AppendCall *) arg)->given = false;
}

/*
 * end
 *		Nothing is held but memory.
 */
static void
end(void *arg)
{
}

const EsCallMethods es_append_call = {event_store_append, "event_store_append",
									  begin_one,		  next,
									  rewind_append,	  end};
const EsCallMethods es_append_events_call = {event_store_append_events,
											 "event_store_append_events",
											 begin_array,
											 next,
											 rewind_append,
											 end};
const EsCallMethods es_append_json_call = {event_store_append_json,
										   "event_store_append_json",
										   begin_list,
										   next,
										   rewind_append,
										   end};

/*
 * event_store_append_streams
 *		append_streams(streams jsonb) returns setof stream_append_result
 *
 * A row a stream, in the order given; global_position is NULL for a guard.
 */
Datum
event_store_append_streams(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	EsStreamAppend *appends;
	int nappends;

	es_check_writable("append_streams()");
	es_check_not_null(fcinfo, 0, "streams");
	appends = es_appends_from_json(PG_GETARG_JSONB_P(0), &nappends);

	/* as prepare_result() */
	InitMaterializedSRF(fcinfo, 0);
	es_append(appends, nappends);
	for (int i = 0; i < nappends; i++)
	{
		Datum values[3];
		bool nulls[3] = {false, false, appends[i].nevents == 0};

		values[0] = PointerGetDatum(appends[i].stream);
		values[1] = Int64GetDatum(appends[i].version);
		values[2] = Int64GetDatum(appends[i].global_position);
		es_put_row(result, values, nulls, lengthof(values));
	}
	return (Datum) 0;
}

/*
 * event_store_lock_store
 *		lock_store() returns void: see locks.c.
 */
Datum
event_store_lock_store(PG_FUNCTION_ARGS)
{
	es_check_writable("lock_store()");
	es_lock_store();
	PG_RETURN_VOID();
}
