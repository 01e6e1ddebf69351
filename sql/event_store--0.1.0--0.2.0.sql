/* sql/event_store--0.1.0--0.2.0.sql */

-- complain if the script is sourced in psql rather than run by ALTER EXTENSION
\echo Use "ALTER EXTENSION event_store UPDATE TO '0.2.0'" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;

/*
 * No statement here touches the store's tables: this script runs as superuser,
 * and triggers and constraints of the tables' owner would run with it.  The
 * tables are upgrade_store()'s, which the owner calls afterwards.
 */

-- The store -----------------------------------------------------------------

CREATE FUNCTION event_store.upgrade_store()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_upgrade_store';
COMMENT ON FUNCTION event_store.upgrade_store() IS
	'Brings a store that an older release made to what create_store() makes now, and gives its readers and writers the calls that are new. Call it after ALTER EXTENSION event_store UPDATE; calling it again does nothing. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.upgrade_store() FROM PUBLIC;

-- Checks and repairs --------------------------------------------------------

CREATE TYPE event_store.finding AS (
	check_name		text,
	stream			text,
	version			bigint,
	global_position	bigint,
	detail			text
);
COMMENT ON TYPE event_store.finding IS
	'Something that verify_store() found wrong.';
COMMENT ON COLUMN event_store.finding.check_name IS 'stream, version, position, recorded_at, category, snapshot or sequence';
COMMENT ON COLUMN event_store.finding.stream IS 'name of the stream; NULL where there is none';
COMMENT ON COLUMN event_store.finding.version IS 'version of the event or the snapshot that it is about';
COMMENT ON COLUMN event_store.finding.global_position IS 'global position of the event that it is about';
COMMENT ON COLUMN event_store.finding.detail IS 'what is wrong, a sentence';

CREATE FUNCTION event_store.verify_store(max_findings bigint DEFAULT NULL)
RETURNS SETOF event_store.finding
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'event_store_verify_store';
COMMENT ON FUNCTION event_store.verify_store(bigint) IS
	'Checks the store from its data alone, and returns a row for each finding, at most max_findings: versions contiguous from the base version, positions ascending and recorded_at not going back inside a stream, every event and snapshot of a stream that exists, categories right, snapshots within their streams, the sequence not below any event and set as it must be. Reads every row once, holds nobody off, and tells its progress at intervals of event_store.progress_interval. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.verify_store(bigint) FROM PUBLIC;

CREATE FUNCTION event_store.repair_sequence()
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_repair_sequence';
COMMENT ON FUNCTION event_store.repair_sequence() IS
	'Sets the sequence of global positions to the highest position of the store where it is below, as after a logical replication, which does not copy it; returns its last value. Never sets it back. Takes the store lock, so it waits for appends that have not ended. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.repair_sequence() FROM PUBLIC;

-- Figures -------------------------------------------------------------------

CREATE FUNCTION event_store.store_stats(OUT streams_estimate bigint,
										OUT events_estimate bigint,
										OUT bytes bigint,
										OUT appends bigint,
										OUT conflicts bigint,
										OUT idempotent_retries bigint,
										OUT counted_since timestamptz)
RETURNS record
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'event_store_store_stats';
COMMENT ON FUNCTION event_store.store_stats() IS
	'What the view stats shows.';
REVOKE ALL ON FUNCTION event_store.store_stats() FROM PUBLIC;

CREATE VIEW event_store.stats AS
SELECT s.streams_estimate,
	   s.events_estimate,
	   s.bytes,
	   s.appends,
	   s.conflicts,
	   s.idempotent_retries,
	   s.counted_since
  FROM event_store.store_stats() s;
COMMENT ON VIEW event_store.stats IS
	'How large the store is and how much its calls did, one row, in constant time.';
COMMENT ON COLUMN event_store.stats.streams_estimate IS 'about how many streams there are';
COMMENT ON COLUMN event_store.stats.events_estimate IS 'about how many events there are';
COMMENT ON COLUMN event_store.stats.bytes IS 'what the tables take on disk with their indexes and large values';
COMMENT ON COLUMN event_store.stats.appends IS 'calls that stored events since counted_since, whether their transactions committed or not; NULL where nothing is counted';
COMMENT ON COLUMN event_store.stats.conflicts IS 'appends since counted_since that were refused for their expected version, with ST001 or 40001';
COMMENT ON COLUMN event_store.stats.idempotent_retries IS 'appends since counted_since that were found to be stored already';
COMMENT ON COLUMN event_store.stats.counted_since IS 'first append or look at this view since the server started';

-- Aggregates ----------------------------------------------------------------

CREATE TYPE event_store.aggregate AS (
	stream			text,
	state			jsonb,
	version			bigint,
	uncommitted		event_store.new_event[]
);
COMMENT ON TYPE event_store.aggregate IS
	'A business object, loaded: what load() returns, add_event() changes and save() stores. A value: it holds no lock and no connection.';
COMMENT ON COLUMN event_store.aggregate.stream IS 'name of its stream';
COMMENT ON COLUMN event_store.aggregate.state IS 'its state, the events that are not saved included';
COMMENT ON COLUMN event_store.aggregate.version IS 'version of its last event that is saved; 0 for a stream that does not exist';
COMMENT ON COLUMN event_store.aggregate.uncommitted IS 'the events that were added and are not saved, in their order';

CREATE FUNCTION event_store.create_aggregate_type(category text,
												  initial_state jsonb,
												  apply text,
												  snapshot_every integer DEFAULT NULL,
												  state_version integer DEFAULT 1)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_create_aggregate_type';
COMMENT ON FUNCTION event_store.create_aggregate_type(text, jsonb, text, integer, integer) IS
	'Says how the events of a category fold into a state: it begins with initial_state, and apply, a function (state jsonb, e event_store.event) that returns jsonb, given by its name or its signature, applies an event to it. Replaces what was said of the category before. save() takes a snapshot whenever it passes a multiple of snapshot_every; NULL is never. state_version is the version of the shape of the state; snapshots of another one, of another function or of another initial state are not used. For the store''s owner, as whom the function runs. Raises 42883 and 42804 for a function that cannot be called like this.';
REVOKE ALL ON FUNCTION event_store.create_aggregate_type(text, jsonb, text, integer, integer) FROM PUBLIC;

CREATE FUNCTION event_store.drop_aggregate_type(category text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_drop_aggregate_type';
COMMENT ON FUNCTION event_store.drop_aggregate_type(text) IS
	'Drops the aggregate type of a category; its events and snapshots stay. For the store''s owner. Raises ST004 when there is none.';
REVOKE ALL ON FUNCTION event_store.drop_aggregate_type(text) FROM PUBLIC;

CREATE FUNCTION event_store.load(stream text,
								 for_update boolean DEFAULT false,
								 use_snapshot boolean DEFAULT true)
RETURNS event_store.aggregate
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_load';
COMMENT ON FUNCTION event_store.load(text, boolean, boolean) IS
	'An aggregate: the newest usable snapshot of its state, and the events after it applied by its category''s apply function. A stream that does not exist is at version 0 with the initial state. for_update takes the stream''s lock first, to the end of the transaction, and loads what is committed then, so that nobody else can append before save(); it is for writers. use_snapshot => false applies all events. Raises ST004 when the category has no aggregate type.';
REVOKE ALL ON FUNCTION event_store.load(text, boolean, boolean) FROM PUBLIC;

CREATE FUNCTION event_store.add_event(aggregate event_store.aggregate,
									  type text,
									  data jsonb,
									  metadata jsonb DEFAULT NULL,
									  event_id uuid DEFAULT NULL,
									  schema_version integer DEFAULT 1)
RETURNS event_store.aggregate
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_add_event';
COMMENT ON FUNCTION event_store.add_event(event_store.aggregate, text, jsonb, jsonb, uuid, integer) IS
	'Applies an event to an aggregate and remembers it for save(). Stores nothing.';
REVOKE ALL ON FUNCTION event_store.add_event(event_store.aggregate, text, jsonb, jsonb, uuid, integer) FROM PUBLIC;

CREATE FUNCTION event_store.save(aggregate event_store.aggregate)
RETURNS event_store.aggregate
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_save';
COMMENT ON FUNCTION event_store.save(event_store.aggregate) IS
	'Appends the events that were added to an aggregate, all in one call and at the version that was loaded, and returns it at its new version; an aggregate without such events is returned as it is. Raises ST001 when the stream moved on since it was loaded: load it and decide again.';
REVOKE ALL ON FUNCTION event_store.save(event_store.aggregate) FROM PUBLIC;

CREATE FUNCTION event_store.take_snapshot(stream text)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_take_snapshot';
COMMENT ON FUNCTION event_store.take_snapshot(text) IS
	'Keeps the state of an aggregate as it is now, under its stream''s lock; returns its version. Raises ST004 when the category has no aggregate type, 22023 when the stream does not exist.';
REVOKE ALL ON FUNCTION event_store.take_snapshot(text) FROM PUBLIC;

/*
 * The new calls are for those who have create_store(): who installed the
 * extension, and owners of stores, who otherwise could not call upgrade_store(),
 * which then gives them the right to pass them on.
 */
DO $$
DECLARE
	owner text;
BEGIN
	FOR owner IN
		SELECT DISTINCT r.rolname
		  FROM pg_catalog.pg_proc p,
			   pg_catalog.aclexplode(p.proacl) a
		  JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.grantee
		 WHERE p.oid OPERATOR(pg_catalog.=)
			   'event_store.create_store(boolean, boolean)'::pg_catalog.regprocedure
	LOOP
		EXECUTE pg_catalog.format(
			'GRANT EXECUTE ON FUNCTION event_store.upgrade_store(), '
			'event_store.verify_store(bigint), event_store.repair_sequence(), '
			'event_store.store_stats(), '
			'event_store.create_aggregate_type(text, jsonb, text, integer, integer), '
			'event_store.drop_aggregate_type(text), '
			'event_store.load(text, boolean, boolean), '
			'event_store.add_event(event_store.aggregate, text, jsonb, jsonb, uuid, integer), '
			'event_store.save(event_store.aggregate), '
			'event_store.take_snapshot(text) TO %I', owner);
		EXECUTE pg_catalog.format('GRANT SELECT ON event_store.stats TO %I', owner);
	END LOOP;
END
$$;
