/*-------------------------------------------------------------------------
 *
 * parked.c
 *	  Trying events again that projections went on without.
 *
 * An event that was parked takes effect after later ones: whoever parks events has
 * a handler to which their order does not matter, or looks at them by hand.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/parked.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "check.h"
#include "locks.h"
#include "privileged.h"
#include "projection_calls.h"
#include "projection_failure.h"

PG_FUNCTION_INFO_V1(event_store_retry_parked);

#define THIS_PROJECTION                        \
	" WHERE projection OPERATOR(pg_catalog.=)" \
	" $1 AND generation OPERATOR(pg_catalog.=) $2"

/* Positions of parked events. */
typedef struct Parked
{
	int64 *positions;
	uint64 n;
} Parked;

/*
 * list_parked
 *		The parked events of a projection, those at one position or all, in their
 *		order.
 */
static Parked
list_parked(const EsCheckpointKey *key, int64 only)
{
	Oid types[] = {TEXTOID, INT4OID, INT8OID};
	Datum values[] = {CStringGetTextDatum(key->name),
					  Int32GetDatum(key->generation), Int64GetDatum(only)};
	MemoryContext caller = CurrentMemoryContext;
	Parked parked;
	EsActor before;

	es_spi_connect();
	es_act_as(&before, es_projections()->owner, true);
	if (SPI_execute_with_args("SELECT global_position::pg_catalog.int8"
							  " FROM event_store.projection_parked_events" THIS_PROJECTION
							  " AND ($3 OPERATOR(pg_catalog.=) 0 OR"
							  " global_position OPERATOR(pg_catalog.=) $3)"
							  " ORDER BY global_position",
							  lengthof(types), types, values, NULL, false,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not list the parked events");
	parked.n = SPI_processed;
	parked.positions =
		MemoryContextAllocHuge(caller, Max(parked.n, 1) * sizeof(int64));
	for (uint64 i = 0; i < parked.n; i++)
	{
		bool isnull;

		parked.positions[i] =
			DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i],
										SPI_tuptable->tupdesc, 1, &isnull));
	}
	es_act_as_before(&before);
	SPI_finish();
	return parked;
}

/*
 * take_off
 *		Removes an event from the list of those that are parked.
 */
static void
take_off(const EsCheckpointKey *key, int64 position)
{
	Oid types[] = {TEXTOID, INT4OID, INT8OID};
	Datum values[] = {CStringGetTextDatum(key->name),
					  Int32GetDatum(key->generation), Int64GetDatum(position)};

	(void) es_change_projections("DELETE FROM"
								 " event_store.projection_parked_events" THIS_PROJECTION
								 " AND global_position"
								 " OPERATOR(pg_catalog.=) $3",
								 lengthof(types), types, values, NULL,
								 SPI_OK_DELETE);
}

/*
 * note_failure
 *		Records that an event failed again.
 */
static void
note_failure(const EsCheckpointKey *key, int64 position, const ErrorData *error)
{
	Oid types[] = {TEXTOID, INT4OID, INT8OID, TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(key->name),
					  Int32GetDatum(key->generation), Int64GetDatum(position),
					  CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)),
					  CStringGetTextDatum(error->message)};

	(void) es_change_projections("UPDATE event_store.projection_parked_events"
								 " SET attempts = attempts"
								 " OPERATOR(pg_catalog.+) 1,"
								 " error_code = $4, error_message ="
								 " pg_catalog.left($5, 1000)" THIS_PROJECTION
								 " AND global_position"
								 " OPERATOR(pg_catalog.=) $3",
								 lengthof(types), types, values, NULL,
								 SPI_OK_UPDATE);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("projection \"%s\" failed at global position %lld: %s",
					key->name, (long long) position, error->message),
			 errhint("It stays in event_store.projection_parked_events.")));
}

/*
 * retry
 *		Tries a parked event again; returns whether it was handled.  One that the
 *		projection is not for any more stays.
 */
static bool
retry(const EsCheckpointKey *key, int64 position)
{
	EsRun run = {*key};
	ErrorData *error;

	run.max_events = 1;
	run.wait = true;
	run.only = position;
	if (!es_run_in_subtransaction(&run, &error))
	{
		note_failure(key, position, error);
		FreeErrorData(error);
		return false;
	}
	if (run.handled == 0)
		return false;
	take_off(key, position);
	return true;
}

/*
 * event_store_retry_parked
 *		retry_parked(name, global_position) returns bigint
 *
 * How many were handled.  Raises 22004, 42501 unless the caller owns the store,
 * 42704.
 */
Datum
event_store_retry_parked(PG_FUNCTION_ARGS)
{
	char *name = es_begin_projection_call(fcinfo, "retry_parked()");
	const EsProjection *projection =
		es_projection_require(es_projections(), name);
	EsCheckpointKey key = {name, projection->generation};
	Parked parked;
	int64 handled = 0;

	(void) es_lock_projection(key.name, key.generation, true);
	parked = list_parked(&key, es_bigint_argument(fcinfo, 1, 0));
	for (uint64 i = 0; i < parked.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (retry(&key, parked.positions[i]))
			handled++;
	}
	PG_RETURN_INT64(handled);
}
