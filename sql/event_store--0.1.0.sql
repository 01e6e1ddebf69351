/* sql/event_store--0.1.0.sql */

-- complain if the script is sourced in psql rather than run by CREATE EXTENSION
\echo Use "CREATE EXTENSION event_store" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;

/*
 * Code and types only: the tables are made by create_store() and belong to
 * nobody but the store's owner.
 *
 * Nothing is for PUBLIC.  Whoever installs the extension may use all of it;
 * create_store() adds the right to pass that on, outside of this script, so
 * that a dump carries it.
 */
CREATE SCHEMA event_store;
COMMENT ON SCHEMA event_store IS
	'The event store: its calls, and once create_store() has run its tables.';
GRANT USAGE, CREATE ON SCHEMA event_store TO @extowner@;

-- Types ---------------------------------------------------------------------

CREATE TYPE event_store.event AS (
	global_position	bigint,
	stream			text,
	version			bigint,
	type			text,
	data			jsonb,
	metadata		jsonb,
	event_id		uuid,
	schema_version	integer,
	recorded_at		timestamptz,
	recorded_by		text,
	hash			bytea
);
COMMENT ON TYPE event_store.event IS
	'One event as every read returns it. New attributes are only ever added at the end: name the ones you use, and do not build events with ROW().';
COMMENT ON COLUMN event_store.event.global_position IS 'place in the whole store; ascends, with gaps where appends rolled back';
COMMENT ON COLUMN event_store.event.stream IS 'name of the stream, category-id';
COMMENT ON COLUMN event_store.event.version IS 'place in the stream: 1, 2, 3 ... without gaps';
COMMENT ON COLUMN event_store.event.type IS 'what happened, such as ProductShipped';
COMMENT ON COLUMN event_store.event.data IS 'the facts of the event';
COMMENT ON COLUMN event_store.event.metadata IS 'facts about the event; keys that begin with $ are the store''s';
COMMENT ON COLUMN event_store.event.event_id IS 'unique in the store; a UUIDv7 (RFC 9562) where the caller gave none';
COMMENT ON COLUMN event_store.event.schema_version IS 'version of the shape of data, from 1';
COMMENT ON COLUMN event_store.event.recorded_at IS 'when it was appended, before its commit; never goes backwards inside a stream';
COMMENT ON COLUMN event_store.event.recorded_by IS 'role that appended it, metadata''s $user';
COMMENT ON COLUMN event_store.event.hash IS 'reserved for the hash chain; NULL without one';

CREATE TYPE event_store.new_event AS (
	type			text,
	data			jsonb,
	metadata		jsonb,
	event_id		uuid,
	schema_version	integer
);
COMMENT ON TYPE event_store.new_event IS
	'One event to append. Build it with the function new_event().';
COMMENT ON COLUMN event_store.new_event.type IS 'what happened; 1 to 255 bytes';
COMMENT ON COLUMN event_store.new_event.data IS 'the facts of the event; not null';
COMMENT ON COLUMN event_store.new_event.metadata IS 'a JSON object or NULL';
COMMENT ON COLUMN event_store.new_event.event_id IS 'NULL: the store makes one';
COMMENT ON COLUMN event_store.new_event.schema_version IS 'NULL: 1';

CREATE TYPE event_store.append_result AS (
	version			bigint,
	global_position	bigint
);
COMMENT ON TYPE event_store.append_result IS
	'Version and global position of the last event that an append stored.';
COMMENT ON COLUMN event_store.append_result.version IS 'the stream''s version after the append';
COMMENT ON COLUMN event_store.append_result.global_position IS 'global position of the last event appended';

CREATE TYPE event_store.snapshot AS (
	stream			text,
	version			bigint,
	state			jsonb,
	state_version	integer,
	created_at		timestamptz
);
COMMENT ON TYPE event_store.snapshot IS
	'An aggregate''s state at a version of its stream.';
COMMENT ON COLUMN event_store.snapshot.stream IS 'name of the stream';
COMMENT ON COLUMN event_store.snapshot.version IS 'version of the last event that the state holds';
COMMENT ON COLUMN event_store.snapshot.state IS 'the state after that event';
COMMENT ON COLUMN event_store.snapshot.state_version IS 'version of the code that made the state';
COMMENT ON COLUMN event_store.snapshot.created_at IS 'when the snapshot was saved';

CREATE TYPE event_store.stream_append_result AS (
	stream			text,
	version			bigint,
	global_position	bigint
);
COMMENT ON TYPE event_store.stream_append_result IS
	'What append_streams() did to one stream.';
COMMENT ON COLUMN event_store.stream_append_result.stream IS 'name of the stream';
COMMENT ON COLUMN event_store.stream_append_result.version IS 'the stream''s version after the call';
COMMENT ON COLUMN event_store.stream_append_result.global_position IS 'global position of the last event appended; NULL for a guard';

CREATE TYPE event_store.stream_info AS (
	stream			text,
	version			bigint,
	created_at		timestamptz
);
COMMENT ON TYPE event_store.stream_info IS
	'A stream as list_streams() returns it.';
COMMENT ON COLUMN event_store.stream_info.stream IS 'name of the stream';
COMMENT ON COLUMN event_store.stream_info.version IS 'its version';
COMMENT ON COLUMN event_store.stream_info.created_at IS 'when its first event was recorded';

-- The store -----------------------------------------------------------------

CREATE FUNCTION event_store.create_store(if_not_exists boolean DEFAULT false,
										 type_index boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_create_store';
COMMENT ON FUNCTION event_store.create_store IS
	'Creates the store''s tables, owned by the caller, who must own the database or the extension. if_not_exists: a store that is there stays; its owner''s grants are made again, and what is missing of the append-only rules and triggers; type_index: adds an index for reading by event type. Raises 42P07 when there is a store.';
REVOKE ALL ON FUNCTION event_store.create_store FROM PUBLIC;

CREATE FUNCTION event_store.drop_store(with_events boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_drop_store';
COMMENT ON FUNCTION event_store.drop_store IS
	'Drops the store''s tables. For its owner. Refused with 55000 when there are events, unless with_events is true, and while others'' triggers hang on the events.';
REVOKE ALL ON FUNCTION event_store.drop_store FROM PUBLIC;

CREATE FUNCTION event_store.grant_reader(role_name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_grant_reader';
COMMENT ON FUNCTION event_store.grant_reader IS
	'Lets a role read the store: EXECUTE on the reading calls and SELECT on the views. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.grant_reader FROM PUBLIC;

CREATE FUNCTION event_store.grant_writer(role_name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_grant_writer';
COMMENT ON FUNCTION event_store.grant_writer IS
	'Lets a role append events and save snapshots; reading is grant_reader''s. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.grant_writer FROM PUBLIC;

CREATE FUNCTION event_store.revoke_reader(role_name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_revoke_reader';
COMMENT ON FUNCTION event_store.revoke_reader IS
	'Takes back what grant_reader gave. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.revoke_reader FROM PUBLIC;

CREATE FUNCTION event_store.revoke_writer(role_name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_revoke_writer';
COMMENT ON FUNCTION event_store.revoke_writer IS
	'Takes back what grant_writer gave. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.revoke_writer FROM PUBLIC;

/*
 * What create_store() hangs on the tables so that they stay append-only.  A
 * rule rather than a trigger holds off INSERT: it also stops MERGE, leaves
 * COPY and so every restore alone, and costs an append nothing.
 */
CREATE FUNCTION event_store.refuse_insert()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_refuse_insert';
COMMENT ON FUNCTION event_store.refuse_insert IS
	'Raises ST007; called by the rules on the store''s tables.';
REVOKE ALL ON FUNCTION event_store.refuse_insert FROM PUBLIC;

CREATE FUNCTION event_store.refuse_change()
RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_refuse_change';
COMMENT ON FUNCTION event_store.refuse_change IS
	'Raises ST007; called by the triggers on the store''s tables.';
REVOKE ALL ON FUNCTION event_store.refuse_change FROM PUBLIC;

-- Expected versions ---------------------------------------------------------

CREATE FUNCTION event_store.any_version()
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN -2::bigint;
COMMENT ON FUNCTION event_store.any_version IS
	'Expected version of an append that does not care: -2.';
REVOKE ALL ON FUNCTION event_store.any_version FROM PUBLIC;

CREATE FUNCTION event_store.no_stream()
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 0::bigint;
COMMENT ON FUNCTION event_store.no_stream IS
	'Expected version of a stream that has no events: 0.';
REVOKE ALL ON FUNCTION event_store.no_stream FROM PUBLIC;

CREATE FUNCTION event_store.stream_exists()
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN -4::bigint;
COMMENT ON FUNCTION event_store.stream_exists IS
	'Expected version of a stream that has events, however many: -4.';
REVOKE ALL ON FUNCTION event_store.stream_exists FROM PUBLIC;

-- Append --------------------------------------------------------------------

CREATE FUNCTION event_store.new_event(type text,
									  data jsonb,
									  metadata jsonb DEFAULT NULL,
									  event_id uuid DEFAULT NULL,
									  schema_version integer DEFAULT 1)
RETURNS event_store.new_event
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW(type, data, metadata, event_id, schema_version)::event_store.new_event;
COMMENT ON FUNCTION event_store.new_event IS
	'Builds an element for append_events.';
REVOKE ALL ON FUNCTION event_store.new_event FROM PUBLIC;

CREATE FUNCTION event_store.append(stream text,
								   type text,
								   data jsonb,
								   expected_version bigint DEFAULT -2,
								   metadata jsonb DEFAULT NULL,
								   event_id uuid DEFAULT NULL,
								   schema_version integer DEFAULT 1)
RETURNS event_store.append_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_append';
COMMENT ON FUNCTION event_store.append IS
	'Appends one event to a stream. Repeating an event_id with the same stream, type and data returns the original''s place and stores nothing. Raises ST001 when the stream is not at expected_version, ST003 when event_id is taken; 40001 when the stream moved past the snapshot of a REPEATABLE READ or SERIALIZABLE transaction that expects a version.';
REVOKE ALL ON FUNCTION event_store.append FROM PUBLIC;

CREATE FUNCTION event_store.append_events(stream text,
										  events event_store.new_event[],
										  expected_version bigint DEFAULT -2)
RETURNS event_store.append_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_append_events';
COMMENT ON FUNCTION event_store.append_events IS
	'Appends several events to a stream, all or none. Raises as append does.';
REVOKE ALL ON FUNCTION event_store.append_events FROM PUBLIC;

CREATE FUNCTION event_store.append_json(stream text,
										events jsonb,
										expected_version bigint DEFAULT -2)
RETURNS event_store.append_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_append_json';
COMMENT ON FUNCTION event_store.append_json IS
	'Appends several events to a stream, all or none: [{"type", "data", "metadata", "event_id", "schema_version"}], where type and data are required. Raises as append does, and 22023 for an element of the wrong shape.';
REVOKE ALL ON FUNCTION event_store.append_json FROM PUBLIC;

CREATE FUNCTION event_store.append_streams(streams jsonb)
RETURNS SETOF event_store.stream_append_result
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 2
AS 'MODULE_PATHNAME', 'event_store_append_streams';
COMMENT ON FUNCTION event_store.append_streams IS
	'Appends to several streams, all or none: [{"stream", "expected_version", "events"}], events as in append_json; stream and expected_version are required. An element without events only checks the version and holds the stream until the transaction ends; its global_position is NULL. Returns a row a stream, in the order given.';
REVOKE ALL ON FUNCTION event_store.append_streams FROM PUBLIC;

CREATE FUNCTION event_store.lock_store()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_lock_store';
COMMENT ON FUNCTION event_store.lock_store IS
	'Holds off every other append until the transaction ends: for imports over many streams. Call it before the transaction''s first append. VACUUM and index builds on the events wait, too.';
REVOKE ALL ON FUNCTION event_store.lock_store FROM PUBLIC;

-- Read ----------------------------------------------------------------------

CREATE FUNCTION event_store.read_stream(stream text,
										from_version bigint DEFAULT 1,
										max_count bigint DEFAULT NULL,
										backwards boolean DEFAULT false,
										to_version bigint DEFAULT NULL,
										as_of timestamptz DEFAULT NULL,
										raw boolean DEFAULT false)
RETURNS SETOF event_store.event
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 20
AS 'MODULE_PATHNAME', 'event_store_read_stream';
COMMENT ON FUNCTION event_store.read_stream IS
	'Events of one stream by version, as the calling query sees them. The bounds are inclusive; as_of leaves out what was recorded later; max_count NULL is all; a stream that does not exist has none. raw is reserved.';
REVOKE ALL ON FUNCTION event_store.read_stream FROM PUBLIC;

CREATE FUNCTION event_store.read_category(category text,
										  after_position bigint DEFAULT 0,
										  max_count bigint DEFAULT NULL,
										  before_position bigint DEFAULT NULL,
										  types text[] DEFAULT NULL,
										  backwards boolean DEFAULT false,
										  raw boolean DEFAULT false)
RETURNS SETOF event_store.event
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1000
AS 'MODULE_PATHNAME', 'event_store_read_category';
COMMENT ON FUNCTION event_store.read_category IS
	'Events of one category in global order up to the safe position, with a fresh snapshot: a reader that goes on after the last position it got misses nothing. The bounds are exclusive; max_count NULL is all. Raises ST008 when after_position is beyond the store, 0A000 on a standby. raw is reserved.';
REVOKE ALL ON FUNCTION event_store.read_category FROM PUBLIC;

CREATE FUNCTION event_store.read_all(after_position bigint DEFAULT 0,
									 max_count bigint DEFAULT NULL,
									 categories text[] DEFAULT NULL,
									 types text[] DEFAULT NULL,
									 backwards boolean DEFAULT false,
									 before_position bigint DEFAULT NULL,
									 raw boolean DEFAULT false)
RETURNS SETOF event_store.event
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1000
AS 'MODULE_PATHNAME', 'event_store_read_all';
COMMENT ON FUNCTION event_store.read_all IS
	'Events of the store in global order up to the safe position, with a fresh snapshot: a reader that goes on after the last position it got misses nothing. The bounds are exclusive; max_count NULL is all. Raises ST008 when after_position is beyond the store, 0A000 on a standby. raw is reserved.';
REVOKE ALL ON FUNCTION event_store.read_all FROM PUBLIC;

CREATE FUNCTION event_store.last_event(stream text, type text DEFAULT NULL)
RETURNS SETOF event_store.event
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1
AS 'MODULE_PATHNAME', 'event_store_last_event';
COMMENT ON FUNCTION event_store.last_event IS
	'The last event of a stream, or its last one of a type; no row where there is none.';
REVOKE ALL ON FUNCTION event_store.last_event FROM PUBLIC;

CREATE FUNCTION event_store.stream_version(stream text)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'event_store_stream_version';
COMMENT ON FUNCTION event_store.stream_version IS
	'A stream''s version as the calling query sees it: its last event''s, 0 for a stream that does not exist.';
REVOKE ALL ON FUNCTION event_store.stream_version FROM PUBLIC;

CREATE FUNCTION event_store.list_streams(category text DEFAULT NULL,
										 after_stream text DEFAULT NULL,
										 max_count bigint DEFAULT NULL)
RETURNS SETOF event_store.stream_info
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1000
AS 'MODULE_PATHNAME', 'event_store_list_streams';
COMMENT ON FUNCTION event_store.list_streams IS
	'Streams of the store, or of one category, in the byte order of their names, after the one given; max_count NULL is all.';
REVOKE ALL ON FUNCTION event_store.list_streams FROM PUBLIC;

CREATE FUNCTION event_store.safe_position()
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_safe_position';
COMMENT ON FUNCTION event_store.safe_position IS
	'The highest global position at or below which nothing can still appear; 0 for an empty store. Raises 0A000 on a standby.';
REVOKE ALL ON FUNCTION event_store.safe_position FROM PUBLIC;

/*
 * A prepared transaction's locks have no pid, and the virtual transaction id of
 * the session that prepared it, or of none after a restart; they are matched
 * with its name by the lock on its transaction id.
 */
CREATE VIEW event_store.in_flight AS
SELECT (l.classid::bigint << 32) | l.objid::bigint AS after_position,
	   l.pid,
	   p.gid,
	   coalesce(a.usename, p.owner)::text AS role_name,
	   a.application_name,
	   a.state,
	   coalesce(a.xact_start, p.prepared) AS since
  FROM pg_catalog.pg_locks l
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_catalog.pg_prepared_xacts p
	ON l.pid IS NULL
   AND EXISTS (SELECT FROM pg_catalog.pg_locks x
				WHERE x.locktype = 'transactionid'
				  AND x.pid IS NULL
				  AND x.virtualtransaction = l.virtualtransaction
				  AND x.transactionid = p.transaction)
 WHERE l.locktype = 'advisory'
   AND l.objsubid = 17748
   AND l.granted
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
					  WHERE d.datname = current_database());
COMMENT ON VIEW event_store.in_flight IS
	'The appending transactions that have not ended: what holds readers of the store back, lowest first to blame.';
COMMENT ON COLUMN event_store.in_flight.after_position IS 'readers of the store wait at this global position until the transaction ends';
COMMENT ON COLUMN event_store.in_flight.pid IS 'server process; NULL for a prepared transaction';
COMMENT ON COLUMN event_store.in_flight.gid IS 'identifier of a prepared transaction';
COMMENT ON COLUMN event_store.in_flight.role_name IS 'its role';
COMMENT ON COLUMN event_store.in_flight.application_name IS 'its application_name';
COMMENT ON COLUMN event_store.in_flight.state IS 'as in pg_stat_activity';
COMMENT ON COLUMN event_store.in_flight.since IS 'start of the transaction, or when it was prepared';

-- Snapshots -----------------------------------------------------------------

CREATE FUNCTION event_store.save_snapshot(stream text,
										  version bigint,
										  state jsonb,
										  state_version integer DEFAULT 1)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_save_snapshot';
COMMENT ON FUNCTION event_store.save_snapshot IS
	'Keeps the state of a stream at a version; saving the same version and state_version again replaces it. The newest event_store.snapshots_kept of each state_version stay. Raises 22023 when the stream does not exist or has not reached the version.';
REVOKE ALL ON FUNCTION event_store.save_snapshot FROM PUBLIC;

CREATE FUNCTION event_store.latest_snapshot(stream text,
											state_version integer DEFAULT NULL,
											max_version bigint DEFAULT NULL)
RETURNS SETOF event_store.snapshot
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1
AS 'MODULE_PATHNAME', 'event_store_latest_snapshot';
COMMENT ON FUNCTION event_store.latest_snapshot IS
	'The newest snapshot of a stream, perhaps of one state_version, perhaps at or below max_version; no row where there is none.';
REVOKE ALL ON FUNCTION event_store.latest_snapshot FROM PUBLIC;

-- The installer --------------------------------------------------------------

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA event_store TO @extowner@;
GRANT SELECT ON event_store.in_flight TO @extowner@;
