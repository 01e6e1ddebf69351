/*-------------------------------------------------------------------------
 *
 * create_store.c
 *	  Making, upgrading and dropping the store's tables.
 *
 * The tables are ordinary ones, owned by whoever calls create_store(), and
 * never members of the extension: DROP EXTENSION must not take events with it,
 * a dump must hold the tables with whatever their owner added to them, and a
 * restore must load rows before it makes indexes and triggers.
 *
 * Ids of categories and streams are the global positions of their first
 * events, so that the store has one sequence only.  Its increment, its cache
 * of one and that it does not cycle are what position.c relies on.
 *
 * There are no foreign keys: they would lock a row of streams for each event.
 * What they would promise, the calls keep by the stream's lock.
 *
 * upgrade_store() brings a store that an older release made to what
 * create_store() makes now.  No script of the extension does: scripts run as
 * superuser, and what the owner hung on the tables would run with them.  It
 * looks at what is there rather than at a version, so it may be called at any
 * time, and again.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/create_store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "append_only.h"
#include "check.h"
#include "compat.h"
#include "hash_chain.h"
#include "horizon.h"
#include "privileged.h"
#include "projection_tables.h"
#include "rights.h"
#include "store.h"
#include "subscription_tables.h"

PG_FUNCTION_INFO_V1(event_store_create_store);
PG_FUNCTION_INFO_V1(event_store_create_chained_store);
PG_FUNCTION_INFO_V1(event_store_upgrade_store);
PG_FUNCTION_INFO_V1(event_store_drop_store);

/*
 * Settings of the table behind events that holds large values.  It inherits
 * none of the other's once it has one itself, and its truncation would stop
 * appends, too.
 */
#define TOAST_OPTIONS                                     \
	"toast.autovacuum_vacuum_insert_scale_factor = 0.05," \
	" toast.autovacuum_freeze_min_age = 0,"               \
	" toast.vacuum_truncate = off"

/* Also for stores that are upgraded. */
#define DIGEST_COMMENT                                               \
	"COMMENT ON COLUMN event_store.snapshots.type_digest IS"         \
	" 'tells the aggregate type that it was saved with from others;" \
	" NULL where the category had none'"

/* What makes a store, run in this order with search_path pinned. */
static const char *const store_statements[] = {
	"CREATE TABLE event_store.categories ("
	" category_id bigint NOT NULL PRIMARY KEY,"
	" category text COLLATE pg_catalog.\"C\" NOT NULL UNIQUE)",
	"COMMENT ON INDEX event_store.categories_pkey IS 'one row an id'",
	"COMMENT ON INDEX event_store.categories_category_key IS 'a category by its name'",
	"COMMENT ON TABLE event_store.categories IS 'The categories of the streams.'",
	"COMMENT ON COLUMN event_store.categories.category_id IS 'global position of the category''s first event'",
	"COMMENT ON COLUMN event_store.categories.category IS 'what the names of its streams begin with, before the first -'",

	"CREATE TABLE event_store.streams ("
	" stream_id bigint NOT NULL PRIMARY KEY,"
	" category_id bigint NOT NULL,"
	" base_version bigint NOT NULL,"
	" created_at timestamptz NOT NULL,"
	" stream text COLLATE pg_catalog.\"C\" NOT NULL UNIQUE)",
	"COMMENT ON INDEX event_store.streams_pkey IS 'a stream by its id'",
	"COMMENT ON INDEX event_store.streams_stream_key IS 'a stream by its name, and lists of streams'",
	"COMMENT ON TABLE event_store.streams IS 'The streams. A row is not updated by appends: a stream''s version is its last event''s.'",
	"COMMENT ON COLUMN event_store.streams.stream_id IS 'global position of the stream''s first event'",
	"COMMENT ON COLUMN event_store.streams.category_id IS 'its category'",
	"COMMENT ON COLUMN event_store.streams.base_version IS 'version below which no event is kept, so that versions are never used twice; 0 where all are'",
	"COMMENT ON COLUMN event_store.streams.created_at IS 'when its first event was recorded'",
	"COMMENT ON COLUMN event_store.streams.stream IS 'its name, category-id'",

	"CREATE TABLE event_store.events ("
	" global_position bigint NOT NULL PRIMARY KEY,"
	" stream_id bigint NOT NULL,"
	" version bigint NOT NULL,"
	" category_id bigint NOT NULL,"
	" recorded_at timestamptz NOT NULL,"
	" schema_version integer NOT NULL,"
	" event_id uuid NOT NULL UNIQUE,"
	" type text COLLATE pg_catalog.\"C\" NOT NULL,"
	" data jsonb NOT NULL,"
	" metadata jsonb NOT NULL,"
	" UNIQUE (stream_id, version))"
	" WITH (autovacuum_vacuum_insert_scale_factor = 0.05,"
	" autovacuum_analyze_scale_factor = 0.05,"
	" autovacuum_freeze_min_age = 0,"
	" vacuum_truncate = off, " TOAST_OPTIONS ")",
	"CREATE INDEX events_category_id_global_position_idx"
	" ON event_store.events (category_id, global_position)",
	"COMMENT ON INDEX event_store.events_pkey IS 'reads of the whole store'",
	"COMMENT ON INDEX event_store.events_stream_id_version_key IS 'reads of a stream, and its head'",
	"COMMENT ON INDEX event_store.events_event_id_key IS 'repeated appends'",
	"COMMENT ON INDEX event_store.events_category_id_global_position_idx IS 'reads of a category'",
	"COMMENT ON TABLE event_store.events IS 'The events. Written by the append calls and by nothing else.'",
	"COMMENT ON COLUMN event_store.events.global_position IS 'place in the whole store; ascends, with gaps where appends rolled back'",
	"COMMENT ON COLUMN event_store.events.stream_id IS 'its stream'",
	"COMMENT ON COLUMN event_store.events.version IS 'place in the stream: 1, 2, 3 ... without gaps'",
	"COMMENT ON COLUMN event_store.events.category_id IS 'its stream''s category'",
	"COMMENT ON COLUMN event_store.events.recorded_at IS 'when it was appended, before its commit'",
	"COMMENT ON COLUMN event_store.events.schema_version IS 'version of the shape of data'",
	"COMMENT ON COLUMN event_store.events.event_id IS 'unique in the store; a UUIDv7 where the caller gave none'",
	"COMMENT ON COLUMN event_store.events.type IS 'what happened'",
	"COMMENT ON COLUMN event_store.events.data IS 'the facts of the event'",
	"COMMENT ON COLUMN event_store.events.metadata IS 'facts about the event; keys that begin with $ are the store''s'",

	"CREATE SEQUENCE event_store.events_global_position_seq AS bigint"
	" INCREMENT BY 1 MINVALUE 1 START WITH 1 CACHE 1 NO CYCLE"
	" OWNED BY event_store.events.global_position",
	"COMMENT ON SEQUENCE event_store.events_global_position_seq IS 'Global positions. Its cache must stay 1.'",

	"CREATE TABLE event_store.snapshots ("
	" stream_id bigint NOT NULL,"
	" version bigint NOT NULL,"
	" state_version integer NOT NULL,"
	" created_at timestamptz NOT NULL,"
	" state jsonb NOT NULL,"
	" type_digest bigint,"
	" PRIMARY KEY (stream_id, version, state_version))",
	"COMMENT ON INDEX event_store.snapshots_pkey IS 'the newest snapshot of a stream'",
	"COMMENT ON TABLE event_store.snapshots IS 'States of aggregates at versions of their streams. May be deleted: events are the truth.'",
	"COMMENT ON COLUMN event_store.snapshots.stream_id IS 'its stream'",
	"COMMENT ON COLUMN event_store.snapshots.version IS 'version of the last event that the state holds'",
	"COMMENT ON COLUMN event_store.snapshots.state_version IS 'version of the code that made the state'",
	"COMMENT ON COLUMN event_store.snapshots.created_at IS 'when it was saved'",
	"COMMENT ON COLUMN event_store.snapshots.state IS 'the state after that event'",
	DIGEST_COMMENT,

	"CREATE VIEW " ES_ALL_EVENTS("NULL::pg_catalog.bytea"),
	"COMMENT ON VIEW event_store.all_events IS 'All events that the query''s snapshot sees, for queries of any kind. A consumer that goes on from where it stopped uses read_all() instead: events appear here in the order of commit, not of global_position.'",
	"COMMENT ON COLUMN event_store.all_events.global_position IS 'place in the whole store'",
	"COMMENT ON COLUMN event_store.all_events.stream IS 'name of the stream, category-id'",
	"COMMENT ON COLUMN event_store.all_events.version IS 'place in the stream'",
	"COMMENT ON COLUMN event_store.all_events.type IS 'what happened'",
	"COMMENT ON COLUMN event_store.all_events.data IS 'the facts of the event'",
	"COMMENT ON COLUMN event_store.all_events.metadata IS 'facts about the event'",
	"COMMENT ON COLUMN event_store.all_events.event_id IS 'unique in the store'",
	"COMMENT ON COLUMN event_store.all_events.schema_version IS 'version of the shape of data'",
	"COMMENT ON COLUMN event_store.all_events.recorded_at IS 'when it was appended, before its commit'",
	"COMMENT ON COLUMN event_store.all_events.recorded_by IS 'role that appended it, metadata''s $user'",
	"COMMENT ON COLUMN event_store.all_events.hash IS 'reserved for the hash chain; NULL without one'",
};

/* The aggregate types of a store, which those of before 0.2.0 lack. */
static const char *const aggregate_type_statements[] = {
	"CREATE TABLE event_store.aggregate_types ("
	" category text COLLATE pg_catalog.\"C\" NOT NULL PRIMARY KEY,"
	" initial_state jsonb NOT NULL,"
	" apply text COLLATE pg_catalog.\"C\" NOT NULL,"
	" snapshot_every integer,"
	" state_version integer NOT NULL)",
	"COMMENT ON INDEX event_store.aggregate_types_pkey IS 'the type of a category'",
	"COMMENT ON TABLE event_store.aggregate_types IS 'How the events of categories fold into states. Written by create_aggregate_type() and drop_aggregate_type().'",
	"COMMENT ON COLUMN event_store.aggregate_types.category IS 'category of the streams, each of which is an aggregate'",
	"COMMENT ON COLUMN event_store.aggregate_types.initial_state IS 'state before the first event'",
	"COMMENT ON COLUMN event_store.aggregate_types.apply IS 'signature of the function that applies an event to a state'",
	"COMMENT ON COLUMN event_store.aggregate_types.snapshot_every IS 'save() takes a snapshot after so many events; NULL: never'",
	"COMMENT ON COLUMN event_store.aggregate_types.state_version IS 'version of the shape of the state'",
};

/* The same for event types. */
static const char *const event_type_statements[] = {
	"CREATE TABLE event_store.event_types ("
	" type text COLLATE pg_catalog.\"C\" NOT NULL,"
	" schema_version integer NOT NULL,"
	" validator text COLLATE pg_catalog.\"C\","
	" upcaster text COLLATE pg_catalog.\"C\","
	" to_type text COLLATE pg_catalog.\"C\","
	" PRIMARY KEY (type, schema_version))",
	"COMMENT ON INDEX event_store.event_types_pkey IS 'one row a type and version'",
	"COMMENT ON TABLE event_store.event_types IS 'What is known of event types, by schema version. Written by create_event_type(), create_upcaster() and those that drop.'",
	"COMMENT ON COLUMN event_store.event_types.type IS 'type of the events'",
	"COMMENT ON COLUMN event_store.event_types.schema_version IS 'version of the shape of their data'",
	"COMMENT ON COLUMN event_store.event_types.validator IS 'signature of the function that looks at data before it is stored; NULL for none'",
	"COMMENT ON COLUMN event_store.event_types.upcaster IS 'signature of the function that makes data what it is at the next version; NULL for none'",
	"COMMENT ON COLUMN event_store.event_types.to_type IS 'name of the type at the next version; NULL: the same'",
};

/* A dump and restore by somebody with too few rights may have left it out. */
static const char *const event_type_trigger_statements[] = {
	"CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE"
	" ON event_store.event_types FOR EACH STATEMENT"
	" EXECUTE FUNCTION event_store.event_types_changed()",
	"ALTER TABLE event_store.event_types ENABLE ALWAYS TRIGGER changed",
	"COMMENT ON TRIGGER changed ON event_store.event_types IS 'Tells every session.'",
};

/* What create_store(type_index => true) adds. */
static const char *const type_index_statement =
	"CREATE INDEX events_type_global_position_idx"
	" ON event_store.events (type, global_position)";
static const char *const type_index_comment =
	"COMMENT ON INDEX event_store.events_type_global_position_idx IS"
	" 'reads of types'";

/* Tables whose rows only the calls may add, and nobody may change. */
static const char *const append_only_tables[] = {"categories", "streams",
												 "events"};

/* All tables that a store may have. */
static const char *const tables[] = {"horizon",
									 "subscription_failed_events",
									 "subscription_partitions",
									 "subscriptions",
									 "projection_parked_events",
									 "projection_checkpoints",
									 "projections",
									 "sealed_heads",
									 "hash_chain",
									 "event_types",
									 "aggregate_types",
									 "snapshots",
									 "events",
									 "streams",
									 "categories"};

/*
 * has_relation
 *		Whether the store has a table or a view.  SPI is connected.
 */
static bool
has_relation(const char *name)
{
	return !es_lacks(psprintf("SELECT FROM pg_catalog.pg_class"
							  " WHERE oid OPERATOR(pg_catalog.=)"
							  " pg_catalog.to_regclass('event_store.%s')",
							  name));
}

/*
 * make_all_append_only
 *		Hangs the append-only rule and triggers on all tables that need them.
 */
static void
make_all_append_only(void)
{
	for (int i = 0; i < lengthof(append_only_tables); i++)
		es_make_append_only(append_only_tables[i], "the append calls");
}

/*
 * make_type_index
 *		Adds the index for reading by type.
 */
static void
make_type_index(void)
{
	es_execute(type_index_statement);
	es_execute(type_index_comment);
}

/*
 * make_aggregate_types
 *		Adds the table of aggregate types.
 */
static void
make_aggregate_types(void)
{
	for (int i = 0; i < lengthof(aggregate_type_statements); i++)
		es_execute(aggregate_type_statements[i]);
}

/*
 * make_event_types
 *		Adds the table of event types, and its trigger, where they are missing; under
 *		the SQL of a release before 0.2.0 there is nothing for them to call.
 */
static void
make_event_types(void)
{
	if (es_lacks("SELECT FROM pg_catalog.pg_proc"
				 " WHERE oid OPERATOR(pg_catalog.=) pg_catalog.to_regprocedure"
				 "('event_store.event_types_changed()')"))
		return;
	if (!has_relation("event_types"))
	{
		for (int i = 0; i < lengthof(event_type_statements); i++)
			es_execute(event_type_statements[i]);
	}
	if (es_lacks("SELECT FROM pg_catalog.pg_trigger"
				 " WHERE tgname OPERATOR(pg_catalog.=) 'changed'"
				 " AND tgrelid OPERATOR(pg_catalog.=)"
				 " 'event_store.event_types'::pg_catalog.regclass"))
	{
		for (int i = 0; i < lengthof(event_type_trigger_statements); i++)
			es_execute(event_type_trigger_statements[i]);
	}
}

/*
 * make_tables
 *		Creates the store, as the current role.
 */
static void
make_tables(bool type_index, bool hash_chain)
{
	for (int i = 0; i < lengthof(store_statements); i++)
		es_execute(store_statements[i]);
	make_aggregate_types();
	make_event_types();
	es_make_projection_tables();
	es_make_subscription_tables();
	es_make_horizon_table();
	if (type_index)
		make_type_index();
	make_all_append_only();
	if (hash_chain)
		es_make_hash_chain(0);
}

/*
 * set_toast_options
 *		Sets what releases before 0.2.0 did not, unless the owner has set
 *		something there.
 */
static void
set_toast_options(void)
{
	if (!es_lacks("SELECT FROM pg_catalog.pg_class t"
				  " JOIN pg_catalog.pg_class e"
				  " ON e.reltoastrelid OPERATOR(pg_catalog.=) t.oid"
				  " WHERE e.oid OPERATOR(pg_catalog.=)"
				  " 'event_store.events'::pg_catalog.regclass"
				  " AND t.reloptions IS NULL"))
		es_execute("ALTER TABLE event_store.events SET (" TOAST_OPTIONS ")");
}

/*
 * add_aggregates
 *		Makes what releases before 0.2.0 did not have for aggregates.
 */
static void
add_aggregates(void)
{
	if (es_lacks("SELECT FROM pg_catalog.pg_attribute"
				 " WHERE attrelid OPERATOR(pg_catalog.=)"
				 " 'event_store.snapshots'::pg_catalog.regclass"
				 " AND attname OPERATOR(pg_catalog.=) 'type_digest'"))
	{
		es_execute(
			"ALTER TABLE event_store.snapshots ADD COLUMN type_digest bigint");
		es_execute(DIGEST_COMMENT);
	}
	if (!has_relation("aggregate_types"))
		make_aggregate_types();
}

/*
 * renew_store
 *		Brings a store to what create_store() makes: the grants of its owner and
 *		of its readers, the append-only rules and triggers, which a restore by
 *		somebody with too few rights may have left out, and what an older release
 *		did not make, all of it as the owner.
 */
static void
renew_store(void)
{
	Oid owner = es_store_owner(ES_EVENTS);
	EsActor before;

	es_grant_to_owner(owner);
	es_grant_new_calls();
	es_spi_connect();
	es_act_as(&before, owner, false);
	make_all_append_only();
	if (es_has_hash_chain())
		es_make_chain_append_only();
	set_toast_options();
	add_aggregates();
	make_event_types();
	es_make_projection_tables();
	es_make_subscription_tables();
	es_make_horizon_table();
	es_act_as_before(&before);
	SPI_finish();
}

/*
 * keep_store
 *		What create_store() does where there is a store already.
 */
static void
keep_store(bool type_index, bool hash_chain)
{
	es_require_store_owner("create_store()");
	renew_store();
	if (type_index && !OidIsValid(es_store_index(ES_EVENTS_BY_TYPE)))
	{
		es_spi_connect();
		make_type_index();
		SPI_finish();
	}
	if (hash_chain)
		(void) es_enable_hash_chain();
	ereport(NOTICE,
			(errcode(ERRCODE_DUPLICATE_TABLE),
			 errmsg("the event store already exists, skipping")));
}

/*
 * refuse_in_script
 *		Raises 55000 in the script of an extension, whose members the tables would
 *		become.
 */
static void
refuse_in_script(void)
{
	if (creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot create the event store in an extension's script"),
				 errdetail(
					 "Its tables would become members of that extension and be dropped with it."),
				 errhint(
					 "Call event_store.create_store() after CREATE EXTENSION.")));
}

/*
 * create_store
 *		What both of the following do.
 */
static void
create_store(bool if_not_exists, bool type_index, bool hash_chain)
{
	es_check_writable("create_store()");
	refuse_in_script();
	es_lock_schema();
	if (es_store_exists())
	{
		if (!if_not_exists)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_TABLE),
					 errmsg("the event store already exists"),
					 errhint("Pass if_not_exists => true to keep it.")));
		keep_store(type_index, hash_chain);
		return;
	}

	es_require_extension_owner();
	es_grant_to_owner(GetUserId());
	es_spi_connect();
	make_tables(type_index, hash_chain);
	SPI_finish();
}

/*
 * event_store_create_store
 *		create_store(if_not_exists, type_index) returns void
 *
 * Raises 42501 unless the caller owns the database or the extension, and
 * 42P07 when there is a store.
 */
Datum
event_store_create_store(PG_FUNCTION_ARGS)
{
	es_check_not_null(fcinfo, 0, "if_not_exists");
	es_check_not_null(fcinfo, 1, "type_index");
	create_store(PG_GETARG_BOOL(0), PG_GETARG_BOOL(1), false);
	PG_RETURN_VOID();
}

/*
 * event_store_create_chained_store
 *		create_store(hash_chain, if_not_exists, type_index) returns void
 *
 * Raises as the other.
 */
Datum
event_store_create_chained_store(PG_FUNCTION_ARGS)
{
	es_check_not_null(fcinfo, 0, "hash_chain");
	es_check_not_null(fcinfo, 1, "if_not_exists");
	es_check_not_null(fcinfo, 2, "type_index");
	create_store(PG_GETARG_BOOL(1), PG_GETARG_BOOL(2), PG_GETARG_BOOL(0));
	PG_RETURN_VOID();
}

/*
 * event_store_upgrade_store
 *		upgrade_store() returns void
 *
 * Raises 42501 unless the caller owns the store, ST002.
 */
Datum
event_store_upgrade_store(PG_FUNCTION_ARGS)
{
	es_check_writable("upgrade_store()");
	es_lock_schema();
	es_require_store_owner("upgrade_store()");
	renew_store();
	PG_RETURN_VOID();
}

/*
 * refuse_foreign_trigger
 *		Raises 55000 when a trigger on the events is not the store's own: what
 *		it keeps would stop being kept when the store is made anew.
 */
static void
refuse_foreign_trigger(Oid events)
{
	Relation rel = table_open(events, AccessShareLock);
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!trigger->tgisinternal &&
			strncmp(trigger->tgname, "append_only", strlen("append_only")) != 0 &&
			strcmp(trigger->tgname, "project_inline") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot drop the event store because trigger \"%s\" is on its events",
							trigger->tgname),
					 errhint(
						 "Drop the trigger first, the warehouse's with warehouse.drop_warehouse().")));
	}
	table_close(rel, NoLock);
}

/*
 * has_events
 *		Whether anything was ever appended, as the table of events shows.
 */
static bool
has_events(void)
{
	if (SPI_execute("SELECT FROM event_store.events LIMIT 1", true, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read the events");
	return SPI_processed > 0;
}

/*
 * event_store_drop_store
 *		drop_store(with_events) returns void
 *
 * Raises 42501 unless the caller owns the store, and 55000 when it has events
 * and with_events is not true, and when somebody else's trigger is on the
 * events.
 */
Datum
event_store_drop_store(PG_FUNCTION_ARGS)
{
	es_check_not_null(fcinfo, 0, "with_events");
	es_check_writable("drop_store()");
	es_lock_schema();
	es_require_store_owner("drop_store()");
	es_spi_connect();
	es_execute("LOCK TABLE event_store.events IN ACCESS EXCLUSIVE MODE");
	refuse_foreign_trigger(es_store_events());
	if (!PG_GETARG_BOOL(0) && has_events())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot drop the event store because it has events"),
				 errhint("Pass with_events => true to lose them all.")));
	if (has_relation("all_events"))
		es_execute("DROP VIEW event_store.all_events");
	for (int i = 0; i < lengthof(tables); i++)
	{
		if (has_relation(tables[i]))
			es_execute(psprintf("DROP TABLE event_store.%s", tables[i]));
	}
	SPI_finish();
	PG_RETURN_VOID();
}
