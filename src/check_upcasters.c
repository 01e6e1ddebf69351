/*-------------------------------------------------------------------------
 *
 * check_upcasters.c
 *	  The SQL call that takes the stored history through the upcasters.
 *
 * Each event is tried in a subtransaction of its own, which is rolled back whether
 * it fails or not: whatever an upcaster does, nothing of it stays.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/check_upcasters.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "compat.h"
#include "progress.h"
#include "result_rows.h"
#include "rights.h"
#include "scan.h"
#include "store.h"
#include "stream_names.h"
#include "upcast.h"

PG_FUNCTION_INFO_V1(event_store_check_upcasters);

#define CALL "check_upcasters()"

/* Columns of a failure. */
#define NUM_COLUMNS 7

/*
 * try_upcast
 *		Takes an event through the upcasters; returns the error of one that fails.
 */
static ErrorData *
try_upcast(EsUpcasting *upcasting, TupleTableSlot *event)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;
	EsUpcast today;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		(void) es_upcast_event(upcasting, event, &today);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	/* who wants this call to end means it, and not the event */
	if (error != NULL &&
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	return error;
}

/*
 * put_failure
 *		Adds an event that fails to the result.
 */
static void
put_failure(ReturnSetInfo *result, TupleTableSlot *event, EsStreamNames *names,
			const ErrorData *error)
{
	int64 stream_id = DatumGetInt64(es_column(event, ES_EVENTS, EV_STREAM_ID));
	Datum values[NUM_COLUMNS] =
		{es_column(event, ES_EVENTS, EV_GLOBAL_POSITION),
		 PointerGetDatum(es_stream_names_get(names, stream_id)),
		 es_column(event, ES_EVENTS, EV_VERSION),
		 es_column(event, ES_EVENTS, EV_TYPE),
		 es_column(event, ES_EVENTS, EV_SCHEMA_VERSION),
		 CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)),
		 CStringGetTextDatum(error->message)};
	bool nulls[NUM_COLUMNS] = {false};

	es_put_row(result, values, nulls, NUM_COLUMNS);
}

/*
 * is_asked_for
 *		Whether an event is of a type, stored as it or read as it; NULL for all.
 */
static bool
is_asked_for(EsUpcasting *upcasting, TupleTableSlot *event, const text *type)
{
	const text *stored;
	const text *today;

	if (type == NULL)
		return true;
	stored = DatumGetTextPP(es_column(event, ES_EVENTS, EV_TYPE));
	today = es_upcast_name(upcasting, event);
	return es_compare_texts(&stored, &type) == 0 ||
		es_compare_texts(&today, &type) == 0;
}

/*
 * check_all
 *		Tries the events of a type, or all, and puts those that fail into the result.
 */
static void
check_all(ReturnSetInfo *result, EsUpcasting *upcasting, Relation events,
		  const text *type, int64 max_failures)
{
	EsRange range = {1, PG_INT64_MAX, false};
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);
	EsStreamNames *names = es_stream_names_begin(streams, snapshot, PG_INT64_MAX);
	EsScan *scan = es_scan_positions(events, snapshot, &range, NULL);
	MemoryContext event_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store event",
							  ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *event;
	EsProgress progress;

	es_progress_begin(&progress, CALL, "events checked",
					  (int64) Max(events->rd_rel->reltuples, 0), true);
	while (max_failures > 0 && (event = es_scan_next(scan)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(event_context);
		ErrorData *error = is_asked_for(upcasting, event, type)
			? try_upcast(upcasting, event)
			: NULL;

		CHECK_FOR_INTERRUPTS();
		if (error != NULL)
		{
			put_failure(result, event, names, error);
			max_failures--;
		}
		es_progress_step(&progress);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(event_context);
	}
	MemoryContextDelete(event_context);
	es_scan_end(scan);
	es_stream_names_end(names);
	table_close(streams, NoLock);
	UnregisterSnapshot(snapshot);
}

/*
 * event_store_check_upcasters
 *		check_upcasters(type, max_failures) returns setof upcast_failure
 *
 * By position.  Raises 22023, 42501 unless the caller owns the store, ST002.
 */
Datum
event_store_check_upcasters(PG_FUNCTION_ARGS)
{
	const text *type = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	int64 max_failures = es_bigint_argument(fcinfo, 1, PG_INT64_MAX);
	EsUpcasting *upcasting;
	Relation events;

	es_check_not_negative(max_failures, "max_failures");
	es_require_store_owner(CALL);
	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	events = es_store_open(ES_EVENTS, AccessShareLock);
	upcasting = es_upcasting(false);
	if (upcasting != NULL)
		check_all((ReturnSetInfo *) fcinfo->resultinfo, upcasting, events, type,
				  max_failures);
	table_close(events, NoLock);
	return (Datum) 0;
}
