/*-------------------------------------------------------------------------
 *
 * projection_tables.c
 *	  The tables of projections.
 *
 * The registry, projections, changes seldom, and every session keeps what it says;
 * a trigger on it tells them all when it has changed.  What changes with every
 * batch, how far a projection has come, is in a table of its own, so small that a
 * batch leaves a dead row which the next one takes the place of: its pages are
 * mostly empty, and no index is on what changes.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection_tables.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "privileged.h"
#include "projection_tables.h"

/* What makes each table, run in this order with search_path pinned. */
static const char *const registry_statements[] = {
	"CREATE TABLE event_store.projections ("
	" projection text COLLATE pg_catalog.\"C\" NOT NULL PRIMARY KEY,"
	" mode text COLLATE pg_catalog.\"C\" NOT NULL,"
	" handler text COLLATE pg_catalog.\"C\" NOT NULL,"
	" reset text COLLATE pg_catalog.\"C\","
	" categories text[],"
	" types text[],"
	" on_error text COLLATE pg_catalog.\"C\" NOT NULL,"
	" max_attempts integer NOT NULL,"
	" retry_delay interval NOT NULL,"
	" start_position bigint NOT NULL,"
	" generation integer NOT NULL,"
	" paused boolean NOT NULL)",
	"COMMENT ON INDEX event_store.projections_pkey IS 'one row a projection'",
	"COMMENT ON TABLE event_store.projections IS 'The projections. Written by create_projection() and the calls that change one.'",
	"COMMENT ON COLUMN event_store.projections.projection IS 'its name'",
	"COMMENT ON COLUMN event_store.projections.mode IS 'inline: in the transaction of the append; async: after it'",
	"COMMENT ON COLUMN event_store.projections.handler IS 'signature of the function that is called with the events'",
	"COMMENT ON COLUMN event_store.projections.reset IS 'signature of the function that empties what the handler writes; NULL for none'",
	"COMMENT ON COLUMN event_store.projections.categories IS 'categories of the events; NULL: all'",
	"COMMENT ON COLUMN event_store.projections.types IS 'types of the events; NULL: all'",
	"COMMENT ON COLUMN event_store.projections.on_error IS 'what is done about an event that fails again and again: stop, or park it and go on'",
	"COMMENT ON COLUMN event_store.projections.max_attempts IS 'how often an event is tried'",
	"COMMENT ON COLUMN event_store.projections.retry_delay IS 'time to the second attempt; it doubles with each'",
	"COMMENT ON COLUMN event_store.projections.start_position IS 'global position after which it begins'",
	"COMMENT ON COLUMN event_store.projections.generation IS 'generation of what the handler writes that counts'",
	"COMMENT ON COLUMN event_store.projections.paused IS 'whether it waits for resume_projection()'",
};

static const char *const checkpoint_statements[] = {
	"CREATE TABLE event_store.projection_checkpoints ("
	" projection text COLLATE pg_catalog.\"C\" NOT NULL,"
	" generation integer NOT NULL,"
	" checkpoint bigint NOT NULL,"
	" handled bigint NOT NULL,"
	" rate double precision,"
	" moved_at timestamptz NOT NULL,"
	" rebuild_to bigint,"
	" stopped boolean NOT NULL,"
	" attempts integer NOT NULL,"
	" retry_at timestamptz,"
	" failed_position bigint,"
	" failed_at timestamptz,"
	" error_code text COLLATE pg_catalog.\"C\","
	" error_message text,"
	" PRIMARY KEY (projection, generation))"
	" WITH (fillfactor = 10)",
	"COMMENT ON INDEX event_store.projection_checkpoints_pkey IS 'one row a generation of a projection'",
	"COMMENT ON TABLE event_store.projection_checkpoints IS 'How far the projections have come. A row moves in the transaction of what the handler wrote.'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.projection IS 'the projection'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.generation IS 'generation of what the handler writes'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.checkpoint IS 'global position up to which all events are handled; of an inline projection, where its part of them began'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.handled IS 'how many events were handled since the beginning, or the last rebuild'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.rate IS 'events a second while it works, the last batches weighing most'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.moved_at IS 'when the checkpoint moved'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.rebuild_to IS 'position up to which a rebuild goes; NULL when none is under way'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.stopped IS 'whether it stopped at an event that failed'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.attempts IS 'how often the next event has failed'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.retry_at IS 'when it is tried again'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.failed_position IS 'position of the event that failed last'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.failed_at IS 'when that was'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.error_code IS 'SQLSTATE of what was raised'",
	"COMMENT ON COLUMN event_store.projection_checkpoints.error_message IS 'what that said'",
};

static const char *const parked_statements[] = {
	"CREATE TABLE event_store.projection_parked_events ("
	" projection text COLLATE pg_catalog.\"C\" NOT NULL,"
	" generation integer NOT NULL,"
	" global_position bigint NOT NULL,"
	" attempts integer NOT NULL,"
	" parked_at timestamptz NOT NULL,"
	" error_code text COLLATE pg_catalog.\"C\" NOT NULL,"
	" error_message text NOT NULL,"
	" PRIMARY KEY (projection, generation, global_position))",
	"COMMENT ON INDEX event_store.projection_parked_events_pkey IS 'the parked events of a projection in order'",
	"COMMENT ON TABLE event_store.projection_parked_events IS 'Events that projections went on without. retry_parked() tries them again.'",
	"COMMENT ON COLUMN event_store.projection_parked_events.projection IS 'the projection'",
	"COMMENT ON COLUMN event_store.projection_parked_events.generation IS 'generation of what the handler writes'",
	"COMMENT ON COLUMN event_store.projection_parked_events.global_position IS 'the event''s place in the store'",
	"COMMENT ON COLUMN event_store.projection_parked_events.attempts IS 'how often it has failed'",
	"COMMENT ON COLUMN event_store.projection_parked_events.parked_at IS 'when it was parked'",
	"COMMENT ON COLUMN event_store.projection_parked_events.error_code IS 'SQLSTATE of what was raised last'",
	"COMMENT ON COLUMN event_store.projection_parked_events.error_message IS 'what that said'",
};

/* A dump and restore by somebody with too few rights may have left it out. */
static const char *const trigger_statements[] = {
	"CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE"
	" ON event_store.projections FOR EACH STATEMENT"
	" EXECUTE FUNCTION event_store.projections_changed()",
	"ALTER TABLE event_store.projections ENABLE ALWAYS TRIGGER changed",
	"COMMENT ON TRIGGER changed ON event_store.projections IS 'Tells every session.'",
};

/* While there are inline projections. */
static const char *const inline_statements[] = {
	"CREATE TRIGGER project_inline AFTER INSERT ON event_store.events"
	" FOR EACH ROW EXECUTE FUNCTION event_store.project_inline()",
	"COMMENT ON TRIGGER project_inline ON event_store.events IS"
	" 'Runs the inline projections.'",
};

/*
 * lacks_trigger
 *		Whether a table has no trigger of a name.  SPI is connected.
 */
static bool
lacks_trigger(const char *table, const char *name)
{
	return es_lacks(psprintf("SELECT FROM pg_catalog.pg_trigger"
							 " WHERE tgname OPERATOR(pg_catalog.=) '%s'"
							 " AND tgrelid OPERATOR(pg_catalog.=)"
							 " 'event_store.%s'::pg_catalog.regclass",
							 name, table));
}

/*
 * execute_all
 *		Runs some statements.
 */
static void
execute_all(const char *const *some, int n)
{
	for (int i = 0; i < n; i++)
		es_execute(some[i]);
}

/*
 * make_table
 *		Makes a table that is missing.
 */
static void
make_table(const char *name, const char *const *some, int n)
{
	if (es_lacks(psprintf("SELECT FROM pg_catalog.pg_class"
						  " WHERE oid OPERATOR(pg_catalog.=)"
						  " pg_catalog.to_regclass('event_store.%s')",
						  name)))
		execute_all(some, n);
}

/*
 * es_make_projection_tables
 *		Adds the tables, and the trigger, where they are missing; under the SQL of a
 *		release before 0.2.0 there is nothing for that to call.  SPI is connected.
 */
void
es_make_projection_tables(void)
{
	if (es_lacks("SELECT FROM pg_catalog.pg_proc"
				 " WHERE oid OPERATOR(pg_catalog.=) pg_catalog.to_regprocedure"
				 "('event_store.projections_changed()')"))
		return;
	make_table("projections", registry_statements, lengthof(registry_statements));
	make_table("projection_checkpoints", checkpoint_statements,
			   lengthof(checkpoint_statements));
	make_table("projection_parked_events", parked_statements,
			   lengthof(parked_statements));
	if (lacks_trigger("projections", "changed"))
		execute_all(trigger_statements, lengthof(trigger_statements));
}

/*
 * es_make_inline_trigger
 *		Hangs the trigger that runs the inline projections on the events, unless it is
 *		there.  SPI is connected.
 */
void
es_make_inline_trigger(void)
{
	if (lacks_trigger("events", "project_inline"))
		execute_all(inline_statements, lengthof(inline_statements));
}

/*
 * es_drop_inline_trigger
 *		Takes it away.  SPI is connected.
 */
void
es_drop_inline_trigger(void)
{
	if (!lacks_trigger("events", "project_inline"))
		es_execute("DROP TRIGGER project_inline ON event_store.events");
}
