/*-------------------------------------------------------------------------
 *
 * checkpoint.c
 *	  How far projections have come.
 *
 * A row of projection_checkpoints moves in the transaction of what the handler
 * wrote for the events: both are there, or neither.  Whoever moves one holds the
 * lock of the projection, see projection_run.c.
 *
 * A transaction at REPEATABLE READ or above sees the row as of its snapshot.
 * Where somebody has moved it since, reading it raises 40001, as changing it would:
 * the events that it would go on with are handled already.
 *
 * The statements run as the owner of the projections, whoever calls.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/checkpoint.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "checkpoint.h"
#include "statement.h"

/* So much of a message is kept, in bytes. */
#define MAX_MESSAGE_BYTES 1000

#define THIS_ONE                               \
	" WHERE projection OPERATOR(pg_catalog.=)" \
	" $1 AND generation OPERATOR(pg_catalog.=) $2"

/*
 * What is read of one.  The casts make sure of the types: the table is the owner's, who
 * may have altered it.
 */
#define COLUMNS                                                     \
	"checkpoint::pg_catalog.int8, rate::pg_catalog.float8,"         \
	" rebuild_to::pg_catalog.int8, stopped::pg_catalog.bool,"       \
	" attempts::pg_catalog.int4, retry_at::pg_catalog.timestamptz," \
	" failed_position::pg_catalog.int8"

#define THINGS "projections"

static EsStatement read_statement =
	{"SELECT " COLUMNS " FROM event_store.projection_checkpoints" THIS_ONE,
	 SPI_OK_SELECT,
	 2,
	 {TEXTOID, INT4OID},
	 THINGS,
	 false,
	 NULL};

/* The same for a transaction that keeps its snapshot. */
static EsStatement read_locked_statement =
	{"SELECT " COLUMNS " FROM event_store.projection_checkpoints" THIS_ONE
	 " FOR NO KEY UPDATE",
	 SPI_OK_SELECT,
	 2,
	 {TEXTOID, INT4OID},
	 THINGS,
	 false,
	 NULL};

/* Of all generations: the second argument does not matter. */
static EsStatement newest_statement = {"SELECT COALESCE(pg_catalog.max(generation), $2)"
									   " FROM event_store.projection_checkpoints"
									   " WHERE projection OPERATOR(pg_catalog.=) $1",
									   SPI_OK_SELECT,
									   2,
									   {TEXTOID, INT4OID},
									   THINGS,
									   false,
									   NULL};

static EsStatement create_statement =
	{"INSERT INTO event_store.projection_checkpoints"
	 " (projection, generation, checkpoint, rebuild_to, handled, moved_at,"
	 " stopped, attempts) VALUES ($1, $2, $3, $4, 0,"
	 " pg_catalog.clock_timestamp(), false, 0)",
	 SPI_OK_INSERT,
	 4,
	 {TEXTOID, INT4OID, INT8OID, INT8OID},
	 THINGS,
	 false,
	 NULL};

static EsStatement move_statement =
	{"UPDATE event_store.projection_checkpoints SET checkpoint = $3,"
	 " handled = handled OPERATOR(pg_catalog.+) $4,"
	 " rate = COALESCE($5, rate),"
	 " moved_at = pg_catalog.clock_timestamp(),"
	 " rebuild_to = CASE WHEN rebuild_to OPERATOR(pg_catalog.>) $3"
	 " THEN rebuild_to END, attempts = 0, retry_at = NULL" THIS_ONE,
	 SPI_OK_UPDATE,
	 5,
	 {TEXTOID, INT4OID, INT8OID, INT8OID, FLOAT8OID},
	 THINGS,
	 false,
	 NULL};

static EsStatement fail_statement =
	{"UPDATE event_store.projection_checkpoints SET failed_position = $3,"
	 " attempts = $4, error_code = $5, error_message = $6, stopped = $7,"
	 " retry_at = $8, failed_at = pg_catalog.clock_timestamp()" THIS_ONE,
	 SPI_OK_UPDATE,
	 8,
	 {TEXTOID, INT4OID, INT8OID, INT4OID, TEXTOID, TEXTOID, BOOLOID,
	  TIMESTAMPTZOID},
	 THINGS,
	 false,
	 NULL};

static EsStatement park_statement =
	{"INSERT INTO event_store.projection_parked_events"
	 " (projection, generation, global_position, attempts, error_code,"
	 " error_message, parked_at)"
	 " VALUES ($1, $2, $3, $4, $5, $6, pg_catalog.clock_timestamp())",
	 SPI_OK_INSERT,
	 6,
	 {TEXTOID, INT4OID, INT8OID, INT4OID, TEXTOID, TEXTOID},
	 THINGS,
	 false,
	 NULL};

static EsStatement restart_statement =
	{"UPDATE event_store.projection_checkpoints SET stopped = false,"
	 " attempts = 0, retry_at = NULL" THIS_ONE,
	 SPI_OK_UPDATE,
	 2,
	 {TEXTOID, INT4OID},
	 THINGS,
	 false,
	 NULL};

static EsStatement delete_statement =
	{"DELETE FROM event_store.projection_checkpoints" THIS_ONE,
	 SPI_OK_DELETE,
	 2,
	 {TEXTOID, INT4OID},
	 THINGS,
	 false,
	 NULL};

static EsStatement delete_parked_statement =
	{"DELETE FROM event_store.projection_parked_events" THIS_ONE,
	 SPI_OK_DELETE,
	 2,
	 {TEXTOID, INT4OID},
	 THINGS,
	 false,
	 NULL};

/*
 * run
 *		Runs a statement about a checkpoint; returns the number of rows, which SPI has.
 */
static uint64
run(EsStatement *statement, const EsCheckpointKey *key, const Datum *arguments,
	const bool *missing)
{
	Datum values[ES_MAX_STATEMENT_ARGUMENTS] = {CStringGetTextDatum(key->name),
												Int32GetDatum(key->generation)};
	bool nulls[ES_MAX_STATEMENT_ARGUMENTS] = {false, false};

	for (int i = 2; i < statement->narguments && arguments != NULL; i++)
	{
		values[i] = arguments[i - 2];
		nulls[i] = missing != NULL && missing[i - 2];
	}
	return es_statement_run(statement, values, nulls);
}

/*
 * change
 *		Runs a statement that changes something; returns the number of rows.
 */
static uint64
change(EsStatement *statement, const EsCheckpointKey *key,
	   const Datum *arguments, const bool *missing)
{
	EsActor before;
	uint64 rows;

	es_statements_begin(&before, es_projections()->owner);
	rows = run(statement, key, arguments, missing);
	es_statements_end(&before);
	return rows;
}

/*
 * change_it
 *		The same for what must be there; raises 55000.
 */
static void
change_it(EsStatement *statement, const EsCheckpointKey *key,
		  const Datum *arguments, const bool *missing)
{
	if (change(statement, key, arguments, missing) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("projection \"%s\" has no checkpoint", key->name),
				 errhint(
					 "Restore its row of event_store.projection_checkpoints, or drop the projection.")));
}

/*
 * column
 *		A column of the row that was read; 0 for null.
 */
static Datum
column(int number)
{
	bool isnull;

	return es_statement_column(0, number, &isnull);
}

/*
 * is_null
 *		Whether a column of the row that was read is null.
 */
static bool
is_null(int number)
{
	bool isnull;

	(void) es_statement_column(0, number, &isnull);
	return isnull;
}

/*
 * take_row
 *		Takes what was read.
 */
static void
take_row(EsCheckpoint *checkpoint)
{
	checkpoint->checkpoint = DatumGetInt64(column(1));
	checkpoint->rate = is_null(2) ? 0 : DatumGetFloat8(column(2));
	checkpoint->rebuild_to = is_null(3) ? -1 : DatumGetInt64(column(3));
	checkpoint->stopped = DatumGetBool(column(4));
	checkpoint->attempts = DatumGetInt32(column(5));
	checkpoint->retry_at =
		is_null(6) ? DT_NOBEGIN : DatumGetTimestampTz(column(6));
	checkpoint->failed_position = is_null(7) ? 0 : DatumGetInt64(column(7));
}

/*
 * read_by
 *		Reads a checkpoint by a statement; returns false when there is none.
 */
static bool
read_by(EsStatement *statement, const EsCheckpointKey *key,
		EsCheckpoint *checkpoint)
{
	EsActor before;
	bool found;

	es_statements_begin(&before, es_projections()->owner);
	found = run(statement, key, NULL, NULL) > 0;
	if (found)
		take_row(checkpoint);
	es_statements_end(&before);
	return found;
}

/*
 * es_checkpoint_read
 *		Reads a checkpoint; returns false when there is none.  The projection's lock
 *		is held.  Raises 40001 where it moved past the transaction's snapshot.
 */
bool
es_checkpoint_read(const EsCheckpointKey *key, EsCheckpoint *checkpoint)
{
	return read_by(IsolationUsesXactSnapshot() ? &read_locked_statement
											   : &read_statement,
				   key, checkpoint);
}

/*
 * es_checkpoint_look
 *		Reads a checkpoint as it is at the moment, for those who do not go on from it;
 *		returns false when there is none.
 */
bool
es_checkpoint_look(const EsCheckpointKey *key, EsCheckpoint *checkpoint)
{
	return read_by(&read_statement, key, checkpoint);
}

/*
 * es_checkpoint_newest
 *		The newest generation that a projection has a checkpoint of, 0 for none.
 */
int32
es_checkpoint_newest(const char *name)
{
	EsCheckpointKey key = {name, 0};
	EsActor before;
	int32 newest;

	es_statements_begin(&before, es_projections()->owner);
	(void) run(&newest_statement, &key, NULL, NULL);
	newest = DatumGetInt32(column(1));
	es_statements_end(&before);
	return newest;
}

/*
 * es_checkpoint_create
 *		Makes the checkpoint of a generation that begins after a position, to be
 *		rebuilt up to another; -1 for no rebuild.
 */
void
es_checkpoint_create(const EsCheckpointKey *key, int64 position, int64 rebuild_to)
{
	Datum arguments[ES_MAX_STATEMENT_ARGUMENTS] = {Int64GetDatum(position),
												   Int64GetDatum(rebuild_to)};
	bool missing[ES_MAX_STATEMENT_ARGUMENTS] = {false, rebuild_to < 0};

	(void) change(&create_statement, key, arguments, missing);
}

/*
 * es_checkpoint_move
 *		Moves a checkpoint to a position, after so many events were handled; a rate of
 *		0 leaves that as it is.
 */
void
es_checkpoint_move(const EsCheckpointKey *key, int64 position, int64 handled,
				   double rate)
{
	Datum arguments[ES_MAX_STATEMENT_ARGUMENTS] = {Int64GetDatum(position),
												   Int64GetDatum(handled),
												   Float8GetDatum(rate)};
	bool missing[ES_MAX_STATEMENT_ARGUMENTS] = {false, false, rate <= 0};

	change_it(&move_statement, key, arguments, missing);
}

/*
 * es_checkpoint_delete
 *		Forgets a generation: its checkpoint and what it parked.
 */
void
es_checkpoint_delete(const EsCheckpointKey *key)
{
	(void) change(&delete_statement, key, NULL, NULL);
	(void) change(&delete_parked_statement, key, NULL, NULL);
}

/*
 * es_checkpoint_restart
 *		Lets a generation go on that has stopped, or waits to try again.
 */
void
es_checkpoint_restart(const EsCheckpointKey *key)
{
	(void) change(&restart_statement, key, NULL, NULL);
}

/*
 * kept_message
 *		As much of a message as is kept.
 */
static Datum
kept_message(const char *message)
{
	int length = strlen(message);

	if (length > MAX_MESSAGE_BYTES)
		length = pg_mbcliplen(message, length, MAX_MESSAGE_BYTES);
	return PointerGetDatum(cstring_to_text_with_len(message, length));
}

/*
 * es_checkpoint_fail
 *		Records that an event failed, and what is to come: a stop, or another attempt.
 */
void
es_checkpoint_fail(const EsCheckpointKey *key, const EsFailure *failure,
				   bool stop, TimestampTz retry_at)
{
	Datum arguments[ES_MAX_STATEMENT_ARGUMENTS] =
		{Int64GetDatum(failure->global_position),
		 Int32GetDatum(failure->attempts),
		 CStringGetTextDatum(unpack_sql_state(failure->sqlerrcode)),
		 kept_message(failure->message),
		 BoolGetDatum(stop),
		 TimestampTzGetDatum(retry_at)};
	bool missing[ES_MAX_STATEMENT_ARGUMENTS] = {false, false, false,
												false, false, stop};

	change_it(&fail_statement, key, arguments, missing);
}

/*
 * es_checkpoint_park
 *		Records that an event failed for the last time and is gone on without.
 */
void
es_checkpoint_park(const EsCheckpointKey *key, const EsFailure *failure)
{
	Datum arguments[ES_MAX_STATEMENT_ARGUMENTS] =
		{Int64GetDatum(failure->global_position),
		 Int32GetDatum(failure->attempts),
		 CStringGetTextDatum(unpack_sql_state(failure->sqlerrcode)),
		 kept_message(failure->message)};

	(void) change(&park_statement, key, arguments, NULL);
	es_checkpoint_fail(key, failure, false, DT_NOBEGIN);
	es_checkpoint_move(key, failure->global_position, 0, 0);
}
