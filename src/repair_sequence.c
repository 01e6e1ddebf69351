/*-------------------------------------------------------------------------
 *
 * repair_sequence.c
 *	  The SQL call that mends the sequence of global positions.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/repair_sequence.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "check.h"
#include "rights.h"
#include "sequence.h"

PG_FUNCTION_INFO_V1(event_store_repair_sequence);

/*
 * event_store_repair_sequence
 *		repair_sequence() returns bigint, the sequence's last value
 *
 * Raises 42501 unless the caller owns the store, 25006, ST002.
 */
Datum
event_store_repair_sequence(PG_FUNCTION_ARGS)
{
	es_check_writable("repair_sequence()");
	es_require_store_owner("repair_sequence()");
	PG_RETURN_INT64(es_repair_sequence());
}
