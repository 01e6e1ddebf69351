/*-------------------------------------------------------------------------
 *
 * count_events.c
 *	  A projection's handler that does as little as a handler can.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * bench/uuidv7/count_events.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"

PG_FUNCTION_INFO_V1(event_store_bench_count_events);
PG_FUNCTION_INFO_V1(event_store_bench_counted);

/* The versions of all events that this process has handled, added up. */
static int64 counted = 0;

/*
 * event_store_bench_count_events
 *		count_events(e event_store.event): adds the event's version to the others.
 */
Datum
event_store_bench_count_events(PG_FUNCTION_ARGS)
{
	bool isnull;
	Datum version =
		GetAttributeByName(PG_GETARG_HEAPTUPLEHEADER(0), "version", &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("version of an event must not be null")));
	counted += DatumGetInt64(version);
	PG_RETURN_VOID();
}

/*
 * event_store_bench_counted
 *		counted(): what this process has added up.
 */
Datum
event_store_bench_counted(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(counted);
}
