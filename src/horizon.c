/*-------------------------------------------------------------------------
 *
 * horizon.c
 *	  How far standbys may read.
 *
 * A standby does not know which appends of its primary are in flight.  So a worker of the
 * primary writes down what the safe position is, in a table: the horizon.  When that row
 * can be seen on a standby, so can all events at or below it, since their transactions
 * had ended when the safe position was computed, and a standby replays what has ended in
 * the same order.
 *
 * The row changes often, and is found past dead versions of it as that of a partition is,
 * see subscription_tables.c.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/horizon.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "horizon.h"
#include "position.h"
#include "statement.h"
#include "store.h"

/* How often the publication is tried, while other workers publish, too. */
#define MAX_TRIES 10

static const char *const horizon_statements[] = {
	"CREATE TABLE event_store.horizon ("
	" turn bigint NOT NULL PRIMARY KEY,"
	" changes bigint NOT NULL,"
	" safe_position bigint NOT NULL,"
	" published_at timestamptz NOT NULL)"
	" WITH (fillfactor = 10)",
	"COMMENT ON INDEX event_store.horizon_pkey IS 'the one row, its newest turn'",
	"COMMENT ON TABLE event_store.horizon IS 'How far standbys may read. Written by the workers of the primary.'",
	"COMMENT ON COLUMN event_store.horizon.turn IS 'goes up once in 64 changes, so that the row is found before dead ones'",
	"COMMENT ON COLUMN event_store.horizon.changes IS 'how often the row was changed'",
	"COMMENT ON COLUMN event_store.horizon.safe_position IS 'global position at or below which nothing can still appear'",
	"COMMENT ON COLUMN event_store.horizon.published_at IS 'when a worker said so'",
};

#define NEWEST " ORDER BY turn DESC LIMIT 1"

/* The cast makes sure of the type, as the table is the owner's. */
static EsStatement find_statement =
	{.text = "SELECT safe_position::pg_catalog.int8 FROM event_store.horizon"
			 " WHERE safe_position IS NOT NULL" NEWEST,
	 .expected = SPI_OK_SELECT,
	 .things = "horizon",
	 .by_index = true};

#define MOVE                                                   \
	"UPDATE event_store.horizon SET safe_position = $1,"       \
	" published_at = pg_catalog.clock_timestamp()," ES_CHANGED \
	" WHERE turn OPERATOR(pg_catalog.=)"                       \
	" (SELECT turn FROM event_store.horizon" NEWEST ")"

static EsStatement move_statement = {.text = MOVE
									 " AND safe_position OPERATOR(pg_catalog.<) $1",
									 .expected = SPI_OK_UPDATE,
									 .narguments = 1,
									 .types = {INT8OID},
									 .things = "horizon",
									 .by_index = true};

/* From $2, which is beyond the store. */
static EsStatement lower_statement = {.text = MOVE
									  " AND safe_position OPERATOR(pg_catalog.=) $2",
									  .expected = SPI_OK_UPDATE,
									  .narguments = 2,
									  .types = {INT8OID, INT8OID},
									  .things = "horizon",
									  .by_index = true};

static EsStatement insert_statement =
	{.text = "INSERT INTO event_store.horizon"
			 " (turn, changes, safe_position, published_at)"
			 " VALUES (0, 0, $1, pg_catalog.clock_timestamp())"
			 " ON CONFLICT DO NOTHING",
	 .expected = SPI_OK_INSERT,
	 .narguments = 1,
	 .types = {INT8OID},
	 .things = "horizon",
	 .by_index = true};

/*
 * es_make_horizon_table
 *		Adds the table, if it is missing; under the SQL of a release before 0.2.0 there is
 *		nothing that would use it.  SPI is connected.
 */
void
es_make_horizon_table(void)
{
	if (es_lacks("SELECT FROM pg_catalog.pg_type"
				 " WHERE oid OPERATOR(pg_catalog.=)"
				 " pg_catalog.to_regtype('event_store.polled_event')") ||
		!es_lacks("SELECT FROM pg_catalog.pg_class"
				  " WHERE oid OPERATOR(pg_catalog.=)"
				  " pg_catalog.to_regclass('event_store.horizon')"))
		return;
	for (int i = 0; i < lengthof(horizon_statements); i++)
		es_execute(horizon_statements[i]);
}

/*
 * es_horizon_find
 *		Reads the horizon; returns false where none was published.
 */
bool
es_horizon_find(int64 *safe_position)
{
	EsActor before;
	bool found;
	bool isnull;

	if (!es_store_has(ES_HORIZON))
		return false;
	es_statements_begin(&before, es_store_owner(ES_HORIZON));
	found = es_statement_run(&find_statement, NULL, NULL) > 0;
	if (found)
		*safe_position = DatumGetInt64(es_statement_column(0, 1, &isnull));
	es_statements_end(&before);
	return found;
}

/*
 * es_horizon_publish
 *		Publishes a safe position, unless that or a higher one was; one that is beyond
 *		the store, which then was restored without it, is taken back.  Returns false
 *		where it was not published: there is no table for it, or others were faster.
 */
bool
es_horizon_publish(int64 safe_position)
{
	Datum arguments[2] = {Int64GetDatum(safe_position)};
	Oid owner;

	if (!es_store_has(ES_HORIZON))
		return false;
	owner = es_store_owner(ES_HORIZON);
	for (int i = 0; i < MAX_TRIES; i++)
	{
		int64 published;

		if (es_statement_run_as(&move_statement, owner, arguments, NULL) > 0)
			return true;
		if (!es_horizon_find(&published))
			(void) es_statement_run_as(&insert_statement, owner, arguments, NULL);
		else if (published > es_last_position()) /* read after the other */
		{
			arguments[1] = Int64GetDatum(published);
			(void) es_statement_run_as(&lower_statement, owner, arguments, NULL);
		}
		else if (published >= safe_position)
			return true;
	}
	return false;
}

/*
 * es_horizon
 *		The horizon, on a standby; raises 0A000 where none was published.
 */
int64
es_horizon(void)
{
	int64 safe_position;

	if (!es_horizon_find(&safe_position))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot read the event store in global order during recovery"),
				 errdetail(
					 "A standby does not know which appends of its primary are in flight, and no worker of the primary has said how far it may read."),
				 errhint(
					 "Start a worker on the primary with event_store.start_worker(), read single streams here with event_store.read_stream(), or read on the primary.")));
	return safe_position;
}
