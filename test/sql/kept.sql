--
-- What is kept of the store to append faster never makes a difference: hints at
-- streams, what the executor is told of a plain table, and metadata.
--

-- A stream whose row has moved from where the session saw it.
SELECT version FROM event_store.append('kept-1', 'T', '{}');
SELECT version FROM event_store.append('kept-1', 'T', '{}');
SELECT version FROM event_store.append('kept-2', 'T', '{}');
CLUSTER event_store.streams USING streams_stream_key;
SELECT version FROM event_store.append('kept-1', 'T', '{}');
SET session_replication_role = replica;
UPDATE event_store.streams SET created_at = created_at WHERE stream = 'kept-1';
RESET session_replication_role;
SELECT version FROM event_store.append('kept-1', 'T', '{}', 3);
SELECT event_store.stream_version('kept-1'), event_store.stream_version('kept-2');

-- One stream's row under another's name.
SET session_replication_role = replica;
UPDATE event_store.streams SET stream = 'kept-3' WHERE stream = 'kept-1';
UPDATE event_store.streams SET stream = 'kept-1' WHERE stream = 'kept-2';
RESET session_replication_role;
SELECT version FROM event_store.append('kept-1', 'OfTwo', '{}', 1);
SELECT version FROM event_store.append('kept-3', 'OfOne', '{}', 4);
SELECT version FROM event_store.append('kept-2', 'New', '{}', 0);
SELECT stream, version, type FROM event_store.read_category('kept') WHERE type <> 'T' ORDER BY global_position;

-- A new session, whose first look-ups by id meet the rows that were updated.
\c -
SELECT stream, version, type FROM event_store.read_all() WHERE stream ~ '^kept-' ORDER BY global_position;
SELECT stream, version, type FROM event_store.read_all() WHERE stream ~ '^kept-' ORDER BY global_position DESC LIMIT 2;

-- Streams that are gone, and with them the end of the table.
SELECT count(*) FROM generate_series(1, 300) n, event_store.append('keptgone-' || n || repeat('x', 200), 'T', '{}');
SELECT version FROM event_store.append('keptgone-end', 'T', '{}');
SELECT version FROM event_store.append('keptgone-end', 'T', '{}');
SET session_replication_role = replica;
DELETE FROM event_store.events e USING event_store.streams s WHERE e.stream_id = s.stream_id AND s.stream LIKE 'keptgone-%';
DELETE FROM event_store.streams WHERE stream LIKE 'keptgone-%';
RESET session_replication_role;
SELECT pg_relation_size('event_store.streams') AS size_before \gset
VACUUM (TRUNCATE) event_store.streams;
SELECT pg_relation_size('event_store.streams') < :size_before AS cut_off;
SELECT version FROM event_store.append('keptgone-end', 'T', '{}', 0);
SELECT version FROM event_store.append('keptgone-1' || repeat('x', 200), 'T', '{}');

-- Streams and versions that a rollback took back.
BEGIN;
SELECT version FROM event_store.append('kept-4', 'T', '{}');
SELECT version FROM event_store.append('kept-4', 'T', '{}');
SAVEPOINT s;
SELECT version FROM event_store.append_json('kept-4', '[{"type": "T", "data": 1}, {"type": "T", "data": 2}]');
ROLLBACK TO s;
SELECT version FROM event_store.append('kept-4', 'T', '{}', 2);
ROLLBACK;
SELECT version FROM event_store.append('kept-4', 'T', '{}', 0);
SELECT version FROM event_store.append('kept-4', 'T', '{}', 1);
SELECT event_store.stream_version('kept-4');

-- Many streams, each several times.
SELECT count(*) FROM generate_series(1, 80000) n, event_store.append('keptmany-' || n % 40000, 'T', '{}');
SELECT count(*), min(version), max(version) FROM event_store.list_streams('keptmany', max_count => NULL);

-- Where streams end, when many of their last events were rolled back, before a
-- vacuum and after it, at every isolation level.
CREATE FUNCTION pg_temp.append_and_roll_back(first int, last int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN first .. last LOOP
		PERFORM event_store.append('keptend-' || n % 100, 'T', '{}', expected_version => n / 100 - 1);
		BEGIN
			PERFORM event_store.append('keptend-' || m, 'T', '{}') FROM generate_series(n % 100, 99, 10) m, generate_series(0, n % 10);
			RAISE SQLSTATE 'UNDON';
		EXCEPTION WHEN SQLSTATE 'UNDON' THEN
		END;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.ends() RETURNS TABLE (streams bigint, lowest bigint, highest bigint, wrong bigint) LANGUAGE sql AS $$
	SELECT count(*), min(l.version), max(l.version),
		   count(*) FILTER (WHERE l.version <> event_store.stream_version(l.stream)
							OR l.version <> (SELECT max(e.version) FROM event_store.all_events e WHERE e.stream = l.stream))
	  FROM event_store.list_streams('keptend', max_count => NULL) l
$$;
SELECT pg_temp.append_and_roll_back(100, 599);
SELECT * FROM pg_temp.ends();
VACUUM event_store.events, event_store.streams;
SELECT * FROM pg_temp.ends();
SELECT pg_temp.append_and_roll_back(600, 799);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM pg_temp.ends();
SELECT pg_temp.append_and_roll_back(800, 899);
SELECT * FROM pg_temp.ends();
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM pg_temp.ends();
SELECT pg_temp.append_and_roll_back(900, 999);
SELECT * FROM pg_temp.ends();
COMMIT;

-- Triggers, constraints, columns and indexes that come and go between two calls.
-- The first makes the session keep what it knows of the table.
SELECT version FROM event_store.append('kept-5', 'T', '{}');
CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% %', TG_WHEN, TG_LEVEL; RETURN NEW; END $$;
CREATE TRIGGER regress_note AFTER INSERT ON event_store.events EXECUTE FUNCTION pg_temp.note();
SELECT version FROM event_store.append('kept-5', 'T', '{}');
DROP TRIGGER regress_note ON event_store.events;
CREATE TRIGGER regress_note BEFORE INSERT ON event_store.events FOR EACH ROW EXECUTE FUNCTION pg_temp.note();
SELECT version FROM event_store.append('kept-5', 'T', '{}');
ALTER TABLE event_store.events DISABLE TRIGGER regress_note;
SELECT version FROM event_store.append('kept-5', 'T', '{}');
DROP TRIGGER regress_note ON event_store.events;
SELECT version FROM event_store.append('kept-5', 'T', '{}');
ALTER TABLE event_store.events ADD CONSTRAINT regress_check CHECK (type <> 'Forbidden');
SELECT split_part(regress_help.run($$SELECT event_store.append('kept-5', 'Forbidden', '{}')$$), ' | ', 1) AS refused;
ALTER TABLE event_store.events DROP CONSTRAINT regress_check;
SELECT version FROM event_store.append('kept-5', 'Forbidden', '{}');
ALTER TABLE event_store.events ADD COLUMN regress_column text DEFAULT 'default';
SELECT version FROM event_store.append('kept-5', 'T', '{}');
SELECT regress_column FROM event_store.events ORDER BY global_position DESC LIMIT 1;
ALTER TABLE event_store.events DROP COLUMN regress_column;
SELECT version FROM event_store.append('kept-5', 'T', '{}');

-- An index that was made between two calls has what is appended after it.
CREATE INDEX regress_index ON event_store.events (version, stream_id);
SELECT version FROM event_store.append('kept-5', 'T', '{}');
SELECT version FROM event_store.append_json('kept-5', '[{"type": "T", "data": 1}, {"type": "T", "data": 2}]');
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*) = (SELECT count(*) FROM event_store.all_events) AS in_index
  FROM (SELECT version FROM event_store.events WHERE version > 0 ORDER BY version, stream_id) e;
RESET enable_seqscan;
RESET enable_bitmapscan;
DROP INDEX event_store.regress_index;
SELECT version FROM event_store.append('kept-5', 'T', '{}');
CREATE UNIQUE INDEX regress_index ON event_store.events (type) WHERE type = 'Once';
SELECT version FROM event_store.append('kept-5', 'Once', '{}');
SELECT split_part(regress_help.run($$SELECT event_store.append('kept-5', 'Once', '{}')$$), ' | ', 1) AS refused;
DROP INDEX event_store.regress_index;
REINDEX TABLE event_store.events;
SELECT version FROM event_store.append('kept-5', 'Once', '{}');
CREATE INDEX regress_index ON event_store.events USING brin (recorded_at);
SELECT version FROM event_store.append('kept-5', 'T', '{}');
DROP INDEX event_store.regress_index;

-- A batch that fails in the middle leaves nothing for the next.
SELECT event_id AS taken FROM event_store.last_event('kept-5') \gset
SELECT left(regress_help.run(format($$SELECT event_store.append_json('kept-6', '[{"type": "T", "data": 1}, {"type": "T", "data": 2, "event_id": "%s"}]')$$, :'taken')), 5) AS refused;
SELECT version FROM event_store.append('kept-6', 'T', '{}');
SELECT version, type, data FROM event_store.read_stream('kept-6');
SELECT left(regress_help.run(format($$SELECT event_store.append_json('kept-6', (SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', n,
	'event_id', CASE n WHEN 100 THEN '%s' END)) FROM generate_series(1, 100) n))$$, :'taken')), 5) AS refused;
SELECT version FROM event_store.append_json('kept-6', (SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', n)) FROM generate_series(2, 300) n));
SELECT count(*), bool_and(version = 1 OR data = to_jsonb(version)) AS in_order FROM event_store.read_stream('kept-6');

-- The store's metadata follows the role, its name and the application's.
SELECT current_user AS me \gset
SET application_name = 'regress one';
CREATE ROLE regress_kept;
SELECT event_store.grant_writer('regress_kept');
SET ROLE regress_kept;
SELECT version FROM event_store.append('keptmeta-1', 'T', '{}');
SELECT version FROM event_store.append('keptmeta-1', 'T', '{}');
RESET ROLE;
ALTER ROLE regress_kept RENAME TO regress_renamed;
SET ROLE regress_renamed;
SELECT version FROM event_store.append('keptmeta-1', 'T', '{}');
SET application_name = 'regress two';
SELECT version FROM event_store.append('keptmeta-1', 'T', '{}');
SET application_name = '';
SELECT version FROM event_store.append('keptmeta-1', 'T', '{}');
SELECT set_config('application_name', repeat('x', 63), false) AS longest;
SELECT version FROM event_store.append('keptmeta-1', 'T', '{}');
SET application_name = 'regress three';
SET event_store.metadata = '{"a": 1}';
SELECT version FROM event_store.append('keptmeta-1', 'T', '{}');
RESET event_store.metadata;
SELECT version FROM event_store.append('keptmeta-1', 'T', '{}');
RESET ROLE;
SELECT version, metadata->>'$user' AS "user", metadata->>'$application' AS application, metadata->'a' AS a
  FROM event_store.read_stream('keptmeta-1');
RESET application_name;
SELECT event_store.revoke_writer('regress_renamed');
DROP ROLE regress_renamed;

SELECT * FROM event_store.verify_store();
