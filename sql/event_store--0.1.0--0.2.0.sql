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
	'Something that verify_store(), verify_stream() or check_seal() found wrong.';
COMMENT ON COLUMN event_store.finding.check_name IS 'stream, version, position, recorded_at, category, hash, seal, snapshot or sequence';
COMMENT ON COLUMN event_store.finding.stream IS 'name of the stream; NULL where there is none';
COMMENT ON COLUMN event_store.finding.version IS 'version of the event or the snapshot that it is about';
COMMENT ON COLUMN event_store.finding.global_position IS 'global position of the event that it is about';
COMMENT ON COLUMN event_store.finding.detail IS 'what is wrong, a sentence';

CREATE FUNCTION event_store.verify_store(max_findings bigint DEFAULT NULL)
RETURNS SETOF event_store.finding
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'event_store_verify_store';
COMMENT ON FUNCTION event_store.verify_store(bigint) IS
	'Checks the store from its data alone, and returns a row for each finding, at most max_findings: versions contiguous from the base version, positions ascending and recorded_at not going back inside a stream, every event and snapshot of a stream that exists, categories right, snapshots within their streams, the sequence not below any event and set as it must be, and in a store with a hash chain every event''s hash that of what it says. Reads every row once, holds nobody off, and tells its progress at intervals of event_store.progress_interval. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.verify_store(bigint) FROM PUBLIC;

CREATE FUNCTION event_store.verify_stream(stream text,
										  max_findings bigint DEFAULT NULL)
RETURNS SETOF event_store.finding
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'event_store_verify_stream';
COMMENT ON FUNCTION event_store.verify_stream(text, bigint) IS
	'Checks one stream as verify_store() does all of them, as the calling query sees it, and returns a row for each finding, at most max_findings; that there is no such stream is one.';
REVOKE ALL ON FUNCTION event_store.verify_stream(text, bigint) FROM PUBLIC;

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

-- Time travel and the audit trail -------------------------------------------

CREATE TYPE event_store.history_entry AS (
	version			bigint,
	type			text,
	data			jsonb,
	state			jsonb,
	changes			jsonb,
	metadata		jsonb,
	event_id		uuid,
	schema_version	integer,
	global_position	bigint,
	recorded_at		timestamptz,
	recorded_by		text
);
COMMENT ON TYPE event_store.history_entry IS
	'An event of an aggregate with what it made of the state: what history() returns.';
COMMENT ON COLUMN event_store.history_entry.version IS 'its place in its stream';
COMMENT ON COLUMN event_store.history_entry.type IS 'what happened';
COMMENT ON COLUMN event_store.history_entry.data IS 'the facts';
COMMENT ON COLUMN event_store.history_entry.state IS 'the state after it';
COMMENT ON COLUMN event_store.history_entry.changes IS
	'what it changed: by JSON pointer, an object with what was "before" and what is "after", one of which is missing where something was added or removed';
COMMENT ON COLUMN event_store.history_entry.metadata IS 'who, from where and why';
COMMENT ON COLUMN event_store.history_entry.event_id IS 'its id';
COMMENT ON COLUMN event_store.history_entry.schema_version IS 'version of the shape of its data';
COMMENT ON COLUMN event_store.history_entry.global_position IS 'its place in the store';
COMMENT ON COLUMN event_store.history_entry.recorded_at IS 'when it was appended';
COMMENT ON COLUMN event_store.history_entry.recorded_by IS 'who appended it';

CREATE TYPE event_store.audit_entry AS (
	global_position	bigint,
	stream			text,
	version			bigint,
	recorded_at		timestamptz,
	recorded_by		text,
	application		text,
	type			text,
	data			jsonb,
	reason			text,
	correlation_id	text,
	causation_id	text,
	state_before	jsonb,
	state_after		jsonb,
	metadata		jsonb,
	event_id		uuid,
	schema_version	integer
);
COMMENT ON TYPE event_store.audit_entry IS
	'An event as an auditor asks for it: what audit_trail() returns.';
COMMENT ON COLUMN event_store.audit_entry.global_position IS 'its place in the store';
COMMENT ON COLUMN event_store.audit_entry.stream IS 'of what';
COMMENT ON COLUMN event_store.audit_entry.version IS 'its place in its stream';
COMMENT ON COLUMN event_store.audit_entry.recorded_at IS 'when';
COMMENT ON COLUMN event_store.audit_entry.recorded_by IS 'who: the role that appended it';
COMMENT ON COLUMN event_store.audit_entry.application IS 'from which application: application_name of that session';
COMMENT ON COLUMN event_store.audit_entry.type IS 'what happened';
COMMENT ON COLUMN event_store.audit_entry.data IS 'the facts';
COMMENT ON COLUMN event_store.audit_entry.reason IS 'why: "reason" in its metadata';
COMMENT ON COLUMN event_store.audit_entry.correlation_id IS 'what it belongs to: "correlation_id" in its metadata';
COMMENT ON COLUMN event_store.audit_entry.causation_id IS 'the id of the event that it followed from: "causation_id" in its metadata';
COMMENT ON COLUMN event_store.audit_entry.state_before IS 'the state before it; NULL where the category has no aggregate type';
COMMENT ON COLUMN event_store.audit_entry.state_after IS 'the state after it; NULL where the category has no aggregate type';
COMMENT ON COLUMN event_store.audit_entry.metadata IS 'all that is known about it';
COMMENT ON COLUMN event_store.audit_entry.event_id IS 'its id';
COMMENT ON COLUMN event_store.audit_entry.schema_version IS 'version of the shape of its data';

CREATE FUNCTION event_store.state_at(stream text,
									 version bigint DEFAULT NULL,
									 as_of timestamptz DEFAULT NULL,
									 global_position bigint DEFAULT NULL)
RETURNS event_store.aggregate
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_state_at';
COMMENT ON FUNCTION event_store.state_at(text, bigint, timestamptz, bigint) IS
	'An aggregate as it was at a moment, which exactly one of the others says: after the event of a version, after all that was recorded up to a time, or after all events up to a position of the store. Before its first event it is at version 0 with the initial state. Uses the nearest usable snapshot at or below. Raises 22023 for a version that the stream has not reached, ST004 when the category has no aggregate type.';
REVOKE ALL ON FUNCTION event_store.state_at(text, bigint, timestamptz, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.states_at(category text,
									  as_of timestamptz DEFAULT NULL,
									  global_position bigint DEFAULT NULL,
									  after_stream text DEFAULT NULL,
									  max_count bigint DEFAULT 1000)
RETURNS SETOF event_store.aggregate
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_states_at';
COMMENT ON FUNCTION event_store.states_at(text, timestamptz, bigint, text, bigint) IS
	'All aggregates of a category as they were at a moment, which exactly one of as_of and global_position says, by the byte order of their streams'' names; those without an event by then are left out. The next page comes after the last stream of this one; max_count NULL is all. Raises ST004 when the category has no aggregate type.';
REVOKE ALL ON FUNCTION event_store.states_at(text, timestamptz, bigint, text, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.history(stream text,
									from_version bigint DEFAULT 1,
									max_count bigint DEFAULT NULL,
									to_version bigint DEFAULT NULL)
RETURNS SETOF event_store.history_entry
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_history';
COMMENT ON FUNCTION event_store.history(text, bigint, bigint, bigint) IS
	'How an aggregate came to be: its events by version, each with the state after it and what it changed. The bounds are inclusive; max_count NULL is all. Raises ST004 when the category has no aggregate type.';
REVOKE ALL ON FUNCTION event_store.history(text, bigint, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.audit_trail(stream text DEFAULT NULL,
										category text DEFAULT NULL,
										since timestamptz DEFAULT NULL,
										until timestamptz DEFAULT NULL,
										after_position bigint DEFAULT NULL,
										max_count bigint DEFAULT NULL,
										with_states boolean DEFAULT true)
RETURNS SETOF event_store.audit_entry
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_audit_trail';
COMMENT ON FUNCTION event_store.audit_trail(text, text, timestamptz, timestamptz, bigint, bigint, boolean) IS
	'Who did what, when, from which application and why, with the state before and after, of a stream as the calling query sees it, or of a category or of all up to the safe position, with a fresh snapshot; from since on and before until, by position. The next page comes after the last position of this one and misses nothing; max_count NULL is all. with_states => false applies no events. Raises 22023 when both a stream and a category are given.';
REVOKE ALL ON FUNCTION event_store.audit_trail(text, text, timestamptz, timestamptz, bigint, bigint, boolean) FROM PUBLIC;

CREATE FUNCTION event_store.causation(e event_store.event)
RETURNS jsonb
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'event_store_causation';
COMMENT ON FUNCTION event_store.causation(event_store.event) IS
	'Metadata for what is appended in reaction to an event: its id as causation_id, and its correlation_id or, where it has none, its id as correlation_id.';
REVOKE ALL ON FUNCTION event_store.causation(event_store.event) FROM PUBLIC;

-- Tamper evidence -----------------------------------------------------------

COMMENT ON COLUMN event_store.event.hash IS 'SHA-256 over the event and the hash of the one before it in its stream; NULL where it has none';

/*
 * A released signature stays, so create_store() has a second one.  Its first
 * parameter is of a type of its own, or else create_store(true) could mean both.
 */
CREATE DOMAIN event_store.hash_chain_option AS boolean;
COMMENT ON DOMAIN event_store.hash_chain_option IS
	'Whether create_store() makes a store with a hash chain.';

CREATE FUNCTION event_store.create_store(hash_chain event_store.hash_chain_option,
										 if_not_exists boolean DEFAULT false,
										 type_index boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_create_chained_store';
COMMENT ON FUNCTION event_store.create_store(event_store.hash_chain_option, boolean, boolean) IS
	'Creates the store as create_store() does; with hash_chain => true every event carries a hash over itself and the event before it in its stream. An existing store that is kept is given a hash chain for what is appended from then on.';
REVOKE ALL ON FUNCTION event_store.create_store(event_store.hash_chain_option, boolean, boolean) FROM PUBLIC;

CREATE FUNCTION event_store.enable_hash_chain()
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_enable_hash_chain';
COMMENT ON FUNCTION event_store.enable_hash_chain() IS
	'Gives the store a hash chain: every event appended from now on carries a SHA-256 over itself and over the hash of the event before it in its stream. Returns the global position after which events have hashes; where there is a chain already, just that. Waits for the transactions that have appended or are reading, and holds others off until its own ends. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.enable_hash_chain() FROM PUBLIC;

CREATE FUNCTION event_store.seal_store(OUT global_position bigint,
									   OUT streams bigint,
									   OUT root_hash bytea)
RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_seal_store';
COMMENT ON FUNCTION event_store.seal_store() IS
	'Seals the store up to the safe position: returns it, how many streams have events up to there, and a SHA-256 over the hashes of their last ones, to be kept where who could change the store cannot. Records where those streams end that have gone on since it was called before. One call at a time. Raises 55000 without a hash chain, 25001 in a transaction that has appended.';
REVOKE ALL ON FUNCTION event_store.seal_store() FROM PUBLIC;

CREATE FUNCTION event_store.check_seal(global_position bigint,
									   root_hash bytea,
									   max_findings bigint DEFAULT NULL)
RETURNS SETOF event_store.finding
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'event_store_check_seal';
COMMENT ON FUNCTION event_store.check_seal(bigint, bytea, bigint) IS
	'Checks that all streams end, up to the position of a seal, as they did when it was made, and returns a row for each that does not, at most max_findings. What comes before a stream''s end is verify_store()''s to check. Raises 55000 without a hash chain, 22023 for what is no hash, ST008 for a position beyond the store, 0A000 on a standby.';
REVOKE ALL ON FUNCTION event_store.check_seal(bigint, bytea, bigint) FROM PUBLIC;

-- Event versioning ----------------------------------------------------------

CREATE FUNCTION event_store.event_types_changed()
RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_event_types_changed';
COMMENT ON FUNCTION event_store.event_types_changed() IS
	'Trigger on event_store.event_types: tells every session that it has changed.';
REVOKE ALL ON FUNCTION event_store.event_types_changed() FROM PUBLIC;

CREATE FUNCTION event_store.create_event_type(type text,
											  schema_version integer,
											  validator text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_create_event_type';
COMMENT ON FUNCTION event_store.create_event_type(text, integer, text) IS
	'Has the data of events of a type and schema version looked at before they are stored: by validator, a function (data jsonb) that returns boolean, given by its name or its signature. What it does not return true for is refused with ST005; it may raise an error of its own instead. Replaces the validator that was there. For the store''s owner, as whom the function runs. Raises 42883 and 42804 for a function that cannot be called like this.';
REVOKE ALL ON FUNCTION event_store.create_event_type(text, integer, text) FROM PUBLIC;

CREATE FUNCTION event_store.drop_event_type(type text,
											schema_version integer)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_drop_event_type';
COMMENT ON FUNCTION event_store.drop_event_type(text, integer) IS
	'Drops the validator of a type and schema version. For the store''s owner. Raises 42704 when there is none.';
REVOKE ALL ON FUNCTION event_store.drop_event_type(text, integer) FROM PUBLIC;

CREATE FUNCTION event_store.create_upcaster(type text,
											from_version integer,
											handler text,
											to_type text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_create_upcaster';
COMMENT ON FUNCTION event_store.create_upcaster(text, integer, text, text) IS
	'Says how the data of events of a type and schema version becomes what it is at the next version: by handler, a function (data jsonb) that returns jsonb, given by its name or its signature; to_type is the name of the type there, if it is another. Stored events stay as they are; every read, fold and projection takes them through the chain of upcasters to the newest version. Replaces the upcaster that was there. For the store''s owner, as whom the function runs. Raises ST010 when no upcaster leads to from_version, 42883 and 42804 for a function that cannot be called like this.';
REVOKE ALL ON FUNCTION event_store.create_upcaster(text, integer, text, text) FROM PUBLIC;

CREATE FUNCTION event_store.drop_upcaster(type text,
										  from_version integer)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_drop_upcaster';
COMMENT ON FUNCTION event_store.drop_upcaster(text, integer) IS
	'Drops the upcaster of a type from a schema version. For the store''s owner. Raises 42704 when there is none, 2BP01 when the one from the next version needs it.';
REVOKE ALL ON FUNCTION event_store.drop_upcaster(text, integer) FROM PUBLIC;

-- What raw does now ----------------------------------------------------------

COMMENT ON FUNCTION event_store.read_stream IS
	'Events of one stream by version, as the calling query sees them. The bounds are inclusive; as_of leaves out what was recorded later; max_count NULL is all; a stream that does not exist has none. raw shows them as they are stored, and not as upcasters make them.';

COMMENT ON FUNCTION event_store.read_category IS
	'Events of one category in global order up to the safe position, with a fresh snapshot: a reader that goes on after the last position it got misses nothing. The bounds are exclusive; max_count NULL is all. Raises ST008 when after_position is beyond the store, 0A000 on a standby. raw shows them as they are stored, and not as upcasters make them.';

COMMENT ON FUNCTION event_store.read_all IS
	'Events of the store in global order up to the safe position, with a fresh snapshot: a reader that goes on after the last position it got misses nothing. The bounds are exclusive; max_count NULL is all. Raises ST008 when after_position is beyond the store, 0A000 on a standby. raw shows them as they are stored, and not as upcasters make them.';

CREATE TYPE event_store.upcast_failure AS (
	global_position	bigint,
	stream			text,
	version			bigint,
	type			text,
	schema_version	integer,
	error_code		text,
	message			text
);
COMMENT ON TYPE event_store.upcast_failure IS
	'An event that cannot be read as it would be today: what check_upcasters() returns.';
COMMENT ON COLUMN event_store.upcast_failure.global_position IS 'its place in the store';
COMMENT ON COLUMN event_store.upcast_failure.stream IS 'name of the stream';
COMMENT ON COLUMN event_store.upcast_failure.version IS 'its place in its stream';
COMMENT ON COLUMN event_store.upcast_failure.type IS 'type as which it is stored';
COMMENT ON COLUMN event_store.upcast_failure.schema_version IS 'schema version as which it is stored';
COMMENT ON COLUMN event_store.upcast_failure.error_code IS 'SQLSTATE of what a read of it raises';
COMMENT ON COLUMN event_store.upcast_failure.message IS 'what that says';

CREATE FUNCTION event_store.check_upcasters(type text DEFAULT NULL,
											max_failures bigint DEFAULT NULL)
RETURNS SETOF event_store.upcast_failure
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'event_store_check_upcasters';
COMMENT ON FUNCTION event_store.check_upcasters(text, bigint) IS
	'Takes every stored event that upcasters concern through them, those of a type, stored as it or read as it, or all; changes nothing and returns the events that fail, at most max_failures. Tells its progress at intervals of event_store.progress_interval. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.check_upcasters(text, bigint) FROM PUBLIC;

-- Projections ---------------------------------------------------------------

CREATE FUNCTION event_store.projections_changed()
RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_projections_changed';
COMMENT ON FUNCTION event_store.projections_changed() IS
	'Trigger on event_store.projections: tells every session that it has changed.';
REVOKE ALL ON FUNCTION event_store.projections_changed() FROM PUBLIC;

CREATE FUNCTION event_store.project_inline()
RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_project_inline';
COMMENT ON FUNCTION event_store.project_inline() IS
	'Runs the inline projections over the events of an append, as the owner of the projections; called by the trigger project_inline on event_store.events.';
REVOKE ALL ON FUNCTION event_store.project_inline() FROM PUBLIC;

CREATE FUNCTION event_store.create_projection(name text,
											  handler text,
											  mode text DEFAULT 'async',
											  categories text[] DEFAULT NULL,
											  types text[] DEFAULT NULL,
											  reset text DEFAULT NULL,
											  on_error text DEFAULT 'stop',
											  max_attempts integer DEFAULT 5,
											  retry_delay interval DEFAULT '1 second',
											  start_position bigint DEFAULT 0,
											  if_not_exists boolean DEFAULT false,
											  replace boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_create_projection';
COMMENT ON FUNCTION event_store.create_projection(text, text, text, text[], text[], text, text, integer, interval, bigint, boolean, boolean) IS
	'Registers a read model: handler, a function (e event_store.event) or (batch event_store.event[]), which may take the generation, an integer, after that, and returns void, is called with the events after start_position, of some categories and types or of all, in global order. mode inline: in the transaction of the append, which an error refuses; what is stored already is handled at once, with appends held off. mode async: after it, by a worker or run_projections(); each event takes effect exactly once. An event that fails is tried max_attempts times, retry_delay after the first and twice as long each time; then the projection stops at it, or parks it, as on_error says. reset, a function () or (integer), empties the read model for rebuild_projection(). replace changes a projection, which goes on from where it is; if_not_exists keeps it. For the store''s owner, as whom handler and reset run. Raises 42710 for a name that is taken, 42883, 42725 and 42804 for a function that cannot be called like this, ST008 for a position beyond the store.';
REVOKE ALL ON FUNCTION event_store.create_projection(text, text, text, text[], text[], text, text, integer, interval, bigint, boolean, boolean) FROM PUBLIC;

CREATE FUNCTION event_store.drop_projection(name text,
											if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_drop_projection';
COMMENT ON FUNCTION event_store.drop_projection(text, boolean) IS
	'Drops a projection, once nobody runs it; what its handler wrote stays. For the store''s owner. Raises 42704 when there is none.';
REVOKE ALL ON FUNCTION event_store.drop_projection(text, boolean) FROM PUBLIC;

CREATE FUNCTION event_store.pause_projection(name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_pause_projection';
COMMENT ON FUNCTION event_store.pause_projection(text) IS
	'Has a projection wait for resume_projection(), once nobody runs it. For the store''s owner. Raises 42704 when there is none.';
REVOKE ALL ON FUNCTION event_store.pause_projection(text) FROM PUBLIC;

CREATE FUNCTION event_store.resume_projection(name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_resume_projection';
COMMENT ON FUNCTION event_store.resume_projection(text) IS
	'Lets a projection go on that was paused, that stopped at an event or that waits for the next attempt: from its checkpoint, with no attempt counted. An inline one handles at once what was appended meanwhile, with appends held off. For the store''s owner. Raises 42704 when there is none.';
REVOKE ALL ON FUNCTION event_store.resume_projection(text) FROM PUBLIC;

CREATE FUNCTION event_store.run_projections(name text DEFAULT NULL,
											max_events bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_run_projections';
COMMENT ON FUNCTION event_store.run_projections(text, bigint) IS
	'Does by hand what a worker does: has the async projection of a name, or all of them, handle the events after their checkpoints, at most max_events, NULL for all up to the safe position; returns how many. Waits for a worker that runs it. An event that fails is reported as a warning and counts as an attempt. Raises 42704 when there is no such projection, ST008 when its checkpoint is beyond the store.';
REVOKE ALL ON FUNCTION event_store.run_projections(text, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.rebuild_projection(name text,
											   blue_green boolean DEFAULT false)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_rebuild_projection';
COMMENT ON FUNCTION event_store.rebuild_projection(text, boolean) IS
	'Has a projection built anew from its start_position on: calls its reset and sends its checkpoint back; returns the global position up to which it is then rebuilt, by a worker or run_projections(), in batches of which each lasts. An inline one is rebuilt by the call itself, with appends held off. With blue_green the next generation is built beside the one that counts, and takes its place in one transaction when it has caught up; handler and reset must take the generation. For the store''s owner. Raises 42704 when there is none, 55000 without a reset, 55006 while the next generation is being built.';
REVOKE ALL ON FUNCTION event_store.rebuild_projection(text, boolean) FROM PUBLIC;

CREATE FUNCTION event_store.projection_generation(name text)
RETURNS integer
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'event_store_projection_generation';
COMMENT ON FUNCTION event_store.projection_generation(text) IS
	'The generation of a projection that counts, as the calling query sees it: for views of what its handler writes. Raises 42704 when there is no such projection.';
REVOKE ALL ON FUNCTION event_store.projection_generation(text) FROM PUBLIC;

CREATE FUNCTION event_store.retry_parked(name text,
										 global_position bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_retry_parked';
COMMENT ON FUNCTION event_store.retry_parked(text, bigint) IS
	'Tries the events again that a projection has parked, the one at a position or all in their order; returns how many were handled. Those that fail again stay parked and are reported as warnings. For the store''s owner. Raises 42704 when there is no such projection.';
REVOKE ALL ON FUNCTION event_store.retry_parked(text, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.projection_statuses(OUT projection text,
												OUT generation integer,
												OUT is_current boolean,
												OUT mode text,
												OUT state text,
												OUT checkpoint bigint,
												OUT lag_events bigint,
												OUT lag_seconds double precision,
												OUT rate double precision,
												OUT handled bigint,
												OUT rebuild_to bigint,
												OUT rebuild_left bigint,
												OUT rebuild_time_left interval,
												OUT attempts integer,
												OUT retry_at timestamptz,
												OUT parked bigint,
												OUT error_position bigint,
												OUT error_at timestamptz,
												OUT error_code text,
												OUT error_message text,
												OUT moved_at timestamptz,
												OUT worker_pid integer,
												OUT heartbeat_at timestamptz)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'event_store_projection_statuses';
COMMENT ON FUNCTION event_store.projection_statuses() IS
	'What the view projection_status shows.';
REVOKE ALL ON FUNCTION event_store.projection_statuses() FROM PUBLIC;

CREATE VIEW event_store.projection_status AS
SELECT s.projection,
	   s.generation,
	   s.is_current,
	   s.mode,
	   s.state,
	   s.checkpoint,
	   s.lag_events,
	   s.lag_seconds,
	   s.rate,
	   s.handled,
	   s.rebuild_to,
	   s.rebuild_left,
	   s.rebuild_time_left,
	   s.attempts,
	   s.retry_at,
	   s.parked,
	   s.error_position,
	   s.error_at,
	   s.error_code,
	   s.error_message,
	   s.moved_at,
	   s.worker_pid,
	   s.heartbeat_at
  FROM event_store.projection_statuses() s;
COMMENT ON VIEW event_store.projection_status IS
	'How the projections are: a row for each, and one for a next generation that is being built.';
COMMENT ON COLUMN event_store.projection_status.projection IS 'its name';
COMMENT ON COLUMN event_store.projection_status.generation IS 'generation of what its handler writes';
COMMENT ON COLUMN event_store.projection_status.is_current IS 'whether that is the one that counts';
COMMENT ON COLUMN event_store.projection_status.mode IS 'inline or async';
COMMENT ON COLUMN event_store.projection_status.state IS 'active, rebuilding, switching where the next generation waits to take the place of the one that counts, retrying an event that failed, stopped at one, paused, unusable where its handler cannot be called, or beyond store where its checkpoint is of a later state of the store';
COMMENT ON COLUMN event_store.projection_status.checkpoint IS 'global position up to which it has handled all events; NULL for an inline one, which has handled them all';
COMMENT ON COLUMN event_store.projection_status.lag_events IS 'how many events it has still to handle, counted up to 10,000 and estimated from there on; NULL on a standby';
COMMENT ON COLUMN event_store.projection_status.lag_seconds IS 'how long ago the first of them was recorded; 0 when there is none';
COMMENT ON COLUMN event_store.projection_status.rate IS 'events a second that it handles while it works';
COMMENT ON COLUMN event_store.projection_status.handled IS 'how many events it has handled since it was made or rebuilt last';
COMMENT ON COLUMN event_store.projection_status.rebuild_to IS 'global position up to which it is being rebuilt; NULL when it is not';
COMMENT ON COLUMN event_store.projection_status.rebuild_left IS 'how many events that are still';
COMMENT ON COLUMN event_store.projection_status.rebuild_time_left IS 'how long that takes at its rate';
COMMENT ON COLUMN event_store.projection_status.attempts IS 'how often the next event has failed';
COMMENT ON COLUMN event_store.projection_status.retry_at IS 'when it is tried again';
COMMENT ON COLUMN event_store.projection_status.parked IS 'how many events it has gone on without';
COMMENT ON COLUMN event_store.projection_status.error_position IS 'global position of the event that failed last';
COMMENT ON COLUMN event_store.projection_status.error_at IS 'when that was';
COMMENT ON COLUMN event_store.projection_status.error_code IS 'SQLSTATE of what was raised';
COMMENT ON COLUMN event_store.projection_status.error_message IS 'what that said';
COMMENT ON COLUMN event_store.projection_status.moved_at IS 'when its checkpoint moved';
COMMENT ON COLUMN event_store.projection_status.worker_pid IS 'process of the worker that runs it at the moment';
COMMENT ON COLUMN event_store.projection_status.heartbeat_at IS 'when a worker last looked after the projections';
REVOKE ALL ON event_store.projection_status FROM PUBLIC;

CREATE PROCEDURE event_store.wait_for_projection(projection text,
												 global_position bigint,
												 timeout interval DEFAULT '30 seconds',
												 INOUT outcome text DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'event_store_wait_for_projection';
COMMENT ON PROCEDURE event_store.wait_for_projection(text, bigint, interval, text) IS
	'Waits until a projection has handled all events up to a global position, such as append() returned, so that who wrote it can read what became of it. outcome is then reached; or timed out, stopped where the projection is paused, failed where it stopped at an event. Holds no snapshot while it waits. Raises 2D000 inside a transaction block, 42704 when there is no such projection, ST008 for a position beyond the store.';
REVOKE ALL ON PROCEDURE event_store.wait_for_projection(text, bigint, interval, text) FROM PUBLIC;

-- Subscriptions --------------------------------------------------------------

CREATE TYPE event_store.polled_event AS (
	partition integer,
	token bigint,
	attempts integer,
	global_position bigint,
	stream text,
	version bigint,
	type text,
	data jsonb,
	metadata jsonb,
	event_id uuid,
	schema_version integer,
	recorded_at timestamptz,
	recorded_by text,
	hash bytea
);
COMMENT ON TYPE event_store.polled_event IS
	'An event as poll() delivers it: with the partition and the token of the lease. New attributes are added at the end only.';
COMMENT ON COLUMN event_store.polled_event.partition IS 'partition of the subscription that is leased, from 0';
COMMENT ON COLUMN event_store.polled_event.token IS 'fencing token of the lease, greater than all before it; the same for all events of a poll';
COMMENT ON COLUMN event_store.polled_event.attempts IS 'how often the event has failed before';
COMMENT ON COLUMN event_store.polled_event.global_position IS 'the event''s place in the store';
COMMENT ON COLUMN event_store.polled_event.stream IS 'name of its stream';
COMMENT ON COLUMN event_store.polled_event.version IS 'the event''s place in its stream, from 1';
COMMENT ON COLUMN event_store.polled_event.type IS 'what happened';
COMMENT ON COLUMN event_store.polled_event.data IS 'the event''s data';
COMMENT ON COLUMN event_store.polled_event.metadata IS 'about the event; $user and $application are set by the store';
COMMENT ON COLUMN event_store.polled_event.event_id IS 'id of the event, unique in the store';
COMMENT ON COLUMN event_store.polled_event.schema_version IS 'version of the shape of data';
COMMENT ON COLUMN event_store.polled_event.recorded_at IS 'when it was stored';
COMMENT ON COLUMN event_store.polled_event.recorded_by IS 'role that stored it';
COMMENT ON COLUMN event_store.polled_event.hash IS 'hash over the event and the one before it in its stream; NULL without a hash chain';

CREATE FUNCTION event_store.create_subscription(name text,
												categories text[] DEFAULT NULL,
												types text[] DEFAULT NULL,
												start_position bigint DEFAULT 0,
												partitions integer DEFAULT 4,
												max_attempts integer DEFAULT 5,
												on_error text DEFAULT 'wait',
												retry_delay interval DEFAULT '1 second',
												if_not_exists boolean DEFAULT false,
												replace boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_create_subscription';
COMMENT ON FUNCTION event_store.create_subscription(text, text[], text[], bigint, integer, integer, text, interval, boolean, boolean) IS
	'Makes a subscription: consumers outside the database get the events after start_position, of some categories and types or of all, by poll(). Its streams are divided into so many partitions, 1 to 256, which different consumers can work on at the same time, each stream in its order. An event that fails is tried max_attempts times, retry_delay after the first and twice as long each time, and is then parked; the later events of its stream wait for it, or pass it, as on_error says. replace changes a subscription, which goes on from where it is, but not its partitions; if_not_exists keeps it. For the store''s owner. Raises 42710 for a name that is taken, ST008 for a position beyond the store.';
REVOKE ALL ON FUNCTION event_store.create_subscription(text, text[], text[], bigint, integer, integer, text, interval, boolean, boolean) FROM PUBLIC;

CREATE FUNCTION event_store.drop_subscription(name text,
											  if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_drop_subscription';
COMMENT ON FUNCTION event_store.drop_subscription(text, boolean) IS
	'Drops a subscription, with its checkpoints and parked events. For the store''s owner. Raises 42704 when there is none.';
REVOKE ALL ON FUNCTION event_store.drop_subscription(text, boolean) FROM PUBLIC;

CREATE FUNCTION event_store.move_subscription(name text,
											  global_position bigint)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_move_subscription';
COMMENT ON FUNCTION event_store.move_subscription(text, bigint) IS
	'Has all partitions of a subscription go on after a position, back or forward. Leases end, and late answers raise ST006. Events that wait for another attempt are forgotten; parked ones stay parked, unless they come again. For the store''s owner. Raises 42704 when there is no such subscription, ST008 for a position beyond the store.';
REVOKE ALL ON FUNCTION event_store.move_subscription(text, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.poll(subscription text,
								 consumer text,
								 max_count bigint DEFAULT 100,
								 lease interval DEFAULT '30 seconds')
RETURNS SETOF event_store.polled_event
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'event_store_poll';
COMMENT ON FUNCTION event_store.poll(text, text, bigint, interval) IS
	'The next events of a subscription, at most max_count, NULL for all there are, in their order: of one partition, which the consumer has then on lease. No rows: there is nothing to do. They are answered with ack(), or nack(), and the token; those that are not are delivered again once the lease has run out, or to the same consumer at once. A consumer is any name; each that runs at the same time has its own. Raises 42704 when there is no such subscription, ST008 when it is beyond the store, 25006 on a standby.';
REVOKE ALL ON FUNCTION event_store.poll(text, text, bigint, interval) FROM PUBLIC;

CREATE FUNCTION event_store.ack(subscription text,
								token bigint,
								through_position bigint)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_ack';
COMMENT ON FUNCTION event_store.ack(text, bigint, bigint) IS
	'Acknowledges what poll() has delivered, up to a global position: those events are not delivered again. The last one ends the lease; any other renews it, also where nothing new is acknowledged. What the consumer writes to this database in the same transaction takes effect with it, once. Raises ST006 when another consumer has the lease by now, 22023 for a position that was not delivered.';
REVOKE ALL ON FUNCTION event_store.ack(text, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.nack(subscription text,
								 token bigint,
								 global_position bigint,
								 reason text DEFAULT NULL,
								 delay interval DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_nack';
COMMENT ON FUNCTION event_store.nack(text, bigint, bigint, text, interval) IS
	'Says that a delivered event failed, and why. Its stream is set aside, with later events of it that were delivered: it is delivered again after delay, or the subscription''s retry_delay, while other streams go on. After the last attempt the event is parked. Raises ST006 when another consumer has the lease by now, 22023 for a position that was not delivered.';
REVOKE ALL ON FUNCTION event_store.nack(text, bigint, bigint, text, interval) FROM PUBLIC;

CREATE FUNCTION event_store.release(subscription text,
									token bigint)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_release';
COMMENT ON FUNCTION event_store.release(text, bigint) IS
	'Gives back what was delivered and not answered, such as when a consumer stops: another gets it at once, and the lease need not run out. It does not count as an attempt. Raises ST006 when another consumer has the lease by now.';
REVOKE ALL ON FUNCTION event_store.release(text, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.parked_events(INOUT subscription text DEFAULT NULL,
										  OUT partition integer,
										  OUT global_position bigint,
										  OUT stream text,
										  OUT version bigint,
										  OUT type text,
										  OUT attempts integer,
										  OUT parked_at timestamptz,
										  OUT reason text,
										  OUT consumer text,
										  OUT stream_waits boolean)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'event_store_parked_events';
COMMENT ON FUNCTION event_store.parked_events(text) IS
	'The events that a subscription has parked, or all have: how often they failed, why, and whether their streams wait for them. Raises 42704 when there is no such subscription.';
REVOKE ALL ON FUNCTION event_store.parked_events(text) FROM PUBLIC;

CREATE FUNCTION event_store.replay_parked(subscription text,
										  global_position bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_replay_parked';
COMMENT ON FUNCTION event_store.replay_parked(text, bigint) IS
	'Has parked events delivered once more, the one at a position or all; returns how many. One that fails again is parked again. For the store''s owner. Raises 42704 when there is no such subscription.';
REVOKE ALL ON FUNCTION event_store.replay_parked(text, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.skip_parked(subscription text,
										global_position bigint)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_skip_parked';
COMMENT ON FUNCTION event_store.skip_parked(text, bigint) IS
	'Gives up a parked event: its stream goes on without it. Returns 1, or 0 where none is parked at the position. For the store''s owner. Raises 42704 when there is no such subscription.';
REVOKE ALL ON FUNCTION event_store.skip_parked(text, bigint) FROM PUBLIC;

CREATE FUNCTION event_store.subscription_statuses(OUT subscription text,
												  OUT partition integer,
												  OUT state text,
												  OUT consumer text,
												  OUT leased_until timestamptz,
												  OUT checkpoint bigint,
												  OUT lag_events bigint,
												  OUT lag_seconds double precision,
												  OUT deliveries integer,
												  OUT delayed bigint,
												  OUT attempts integer,
												  OUT retry_at timestamptz,
												  OUT parked bigint,
												  OUT failed_at timestamptz,
												  OUT reason text,
												  OUT polled_at timestamptz,
												  OUT acked_at timestamptz)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'event_store_subscription_statuses';
COMMENT ON FUNCTION event_store.subscription_statuses() IS
	'What the view subscription_status shows.';
REVOKE ALL ON FUNCTION event_store.subscription_statuses() FROM PUBLIC;

CREATE VIEW event_store.subscription_status AS
SELECT s.subscription,
	   s.partition,
	   s.state,
	   s.consumer,
	   s.leased_until,
	   s.checkpoint,
	   s.lag_events,
	   s.lag_seconds,
	   s.deliveries,
	   s.delayed,
	   s.attempts,
	   s.retry_at,
	   s.parked,
	   s.failed_at,
	   s.reason,
	   s.polled_at,
	   s.acked_at
  FROM event_store.subscription_statuses() s;
COMMENT ON VIEW event_store.subscription_status IS
	'How the subscriptions are: a row for each partition.';
COMMENT ON COLUMN event_store.subscription_status.subscription IS 'its name';
COMMENT ON COLUMN event_store.subscription_status.partition IS 'which part of its streams, from 0';
COMMENT ON COLUMN event_store.subscription_status.state IS 'working: a consumer has events on lease; stuck: they were not answered in time, or are delivered again; unclaimed: there are events, and nobody has them; delayed: nothing but events that wait for another attempt; up to date; unknown where that cannot be told, as on a standby without a horizon; unusable where a row of it is not as it was made; beyond store where the checkpoint is of a later state of the store';
COMMENT ON COLUMN event_store.subscription_status.consumer IS 'who has or had the last lease';
COMMENT ON COLUMN event_store.subscription_status.leased_until IS 'when the lease ends; NULL when all that was delivered is answered';
COMMENT ON COLUMN event_store.subscription_status.checkpoint IS 'global position up to which all its events are handled, but for those of streams that wait';
COMMENT ON COLUMN event_store.subscription_status.lag_events IS 'how many events after the checkpoint are still to be handled, but for those of streams that wait; counted up to 10,000 and estimated from there on; NULL on a standby without a horizon';
COMMENT ON COLUMN event_store.subscription_status.lag_seconds IS 'how long ago the first of them was recorded; 0 when there is none';
COMMENT ON COLUMN event_store.subscription_status.deliveries IS 'how often in a row the events on lease were delivered without an answer';
COMMENT ON COLUMN event_store.subscription_status.delayed IS 'how many events or streams wait for another attempt, or catch up after one';
COMMENT ON COLUMN event_store.subscription_status.attempts IS 'how often an event of those has failed, at most';
COMMENT ON COLUMN event_store.subscription_status.retry_at IS 'when the next of them is delivered again';
COMMENT ON COLUMN event_store.subscription_status.parked IS 'how many events are parked';
COMMENT ON COLUMN event_store.subscription_status.failed_at IS 'when an event failed last, of those that wait or are parked';
COMMENT ON COLUMN event_store.subscription_status.reason IS 'what its consumer said about it';
COMMENT ON COLUMN event_store.subscription_status.polled_at IS 'when events were delivered last';
COMMENT ON COLUMN event_store.subscription_status.acked_at IS 'when events were acknowledged last';
REVOKE ALL ON event_store.subscription_status FROM PUBLIC;

CREATE PROCEDURE event_store.wait_for_events(after_position bigint,
											 timeout interval DEFAULT '30 seconds',
											 INOUT outcome text DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'event_store_wait_for_events';
COMMENT ON PROCEDURE event_store.wait_for_events(bigint, interval, text) IS
	'Waits until there are events after a global position that a reader could have; outcome is then arrived, or timed out. Holds no snapshot while it waits. A worker tells it; without one it looks again at short intervals, and says so in a notice. Raises 2D000 inside a transaction block, ST008 for a position beyond the store.';
REVOKE ALL ON PROCEDURE event_store.wait_for_events(bigint, interval, text) FROM PUBLIC;

CREATE FUNCTION event_store.grant_consumer(role_name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_grant_consumer';
COMMENT ON FUNCTION event_store.grant_consumer(text) IS
	'Lets a role consume subscriptions: poll and answer, wait for events, and see how the subscriptions are. It gets the events of any subscription that way, and nothing else. For the store''s owner. Raises 42704 for a role that does not exist.';
REVOKE ALL ON FUNCTION event_store.grant_consumer(text) FROM PUBLIC;

CREATE FUNCTION event_store.revoke_consumer(role_name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'event_store_revoke_consumer';
COMMENT ON FUNCTION event_store.revoke_consumer(text) IS
	'Takes from a role what grant_consumer() gave. For the store''s owner. Raises 42704 for a role that does not exist.';
REVOKE ALL ON FUNCTION event_store.revoke_consumer(text) FROM PUBLIC;

CREATE FUNCTION event_store.start_worker()
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_start_worker';
COMMENT ON FUNCTION event_store.start_worker() IS
	'Starts the background workers of this database, unless they run; returns the pid of the process that keeps them going. They run until stop_worker() or the server stops; where shared_preload_libraries has event_store and event_store.databases this database, they start with the server. For the store''s owner, as whom they connect. Raises 53000 when all worker processes are in use.';
REVOKE ALL ON FUNCTION event_store.start_worker() FROM PUBLIC;

CREATE FUNCTION event_store.stop_worker()
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'event_store_stop_worker';
COMMENT ON FUNCTION event_store.stop_worker() IS
	'Stops the background workers of this database and returns when they have ended; whether there were any. They stay stopped until start_worker() is called or the server starts anew. A handler that is running is cut off, with all of its batch. For the store''s owner.';
REVOKE ALL ON FUNCTION event_store.stop_worker() FROM PUBLIC;

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
			'event_store.verify_stream(text, bigint), '
			'event_store.create_store(event_store.hash_chain_option, boolean, boolean), '
			'event_store.enable_hash_chain(), event_store.seal_store(), '
			'event_store.check_seal(bigint, bytea, bigint), '
			'event_store.store_stats(), '
			'event_store.create_aggregate_type(text, jsonb, text, integer, integer), '
			'event_store.drop_aggregate_type(text), '
			'event_store.load(text, boolean, boolean), '
			'event_store.add_event(event_store.aggregate, text, jsonb, jsonb, uuid, integer), '
			'event_store.save(event_store.aggregate), '
			'event_store.take_snapshot(text), '
			'event_store.state_at(text, bigint, timestamptz, bigint), '
			'event_store.states_at(text, timestamptz, bigint, text, bigint), '
			'event_store.history(text, bigint, bigint, bigint), '
			'event_store.audit_trail(text, text, timestamptz, timestamptz, bigint, bigint, boolean), '
			'event_store.causation(event_store.event), '
			'event_store.event_types_changed(), '
			'event_store.create_event_type(text, integer, text), '
			'event_store.drop_event_type(text, integer), '
			'event_store.create_upcaster(text, integer, text, text), '
			'event_store.drop_upcaster(text, integer), '
			'event_store.check_upcasters(text, bigint), '
			'event_store.projections_changed(), event_store.project_inline(), '
			'event_store.create_projection(text, text, text, text[], text[], text, text, integer, interval, bigint, boolean, boolean), '
			'event_store.drop_projection(text, boolean), '
			'event_store.pause_projection(text), '
			'event_store.resume_projection(text), '
			'event_store.run_projections(text, bigint), '
			'event_store.rebuild_projection(text, boolean), '
			'event_store.projection_generation(text), '
			'event_store.retry_parked(text, bigint), '
			'event_store.create_subscription(text, text[], text[], bigint, integer, integer, text, interval, boolean, boolean), '
			'event_store.drop_subscription(text, boolean), '
			'event_store.move_subscription(text, bigint), '
			'event_store.poll(text, text, bigint, interval), '
			'event_store.ack(text, bigint, bigint), '
			'event_store.nack(text, bigint, bigint, text, interval), '
			'event_store.release(text, bigint), '
			'event_store.parked_events(text), '
			'event_store.replay_parked(text, bigint), '
			'event_store.skip_parked(text, bigint), '
			'event_store.subscription_statuses(), '
			'event_store.grant_consumer(text), event_store.revoke_consumer(text), '
			'event_store.projection_statuses(), event_store.start_worker(), '
			'event_store.stop_worker() TO %I', owner);
		EXECUTE pg_catalog.format(
			'GRANT EXECUTE ON PROCEDURE event_store.wait_for_projection(text, bigint, interval, text), '
			'event_store.wait_for_events(bigint, interval, text) TO %I', owner);
		EXECUTE pg_catalog.format('GRANT SELECT ON event_store.stats, event_store.projection_status, event_store.subscription_status TO %I', owner);
	END LOOP;
END
$$;
