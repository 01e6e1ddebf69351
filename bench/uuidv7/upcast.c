/*-------------------------------------------------------------------------
 *
 * upcast.c
 *	  An upcaster that changes nothing.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * bench/uuidv7/upcast.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(event_store_bench_upcast);

/*
 * event_store_bench_upcast
 *		A copy of an event's data.
 */
Datum
event_store_bench_upcast(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(PG_GETARG_JSONB_P_COPY(0));
}
