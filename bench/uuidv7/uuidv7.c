/*-------------------------------------------------------------------------
 *
 * uuidv7.c
 *	  event_store's ids as an SQL function.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * bench/uuidv7/uuidv7.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "uuid.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(event_store_bench_uuidv7);

/*
 * event_store_bench_uuidv7
 *		A new UUIDv7.
 */
Datum
event_store_bench_uuidv7(PG_FUNCTION_ARGS)
{
	pg_uuid_t *uuid = palloc(sizeof(pg_uuid_t));

	es_uuid_generate(uuid);
	PG_RETURN_UUID_P(uuid);
}
