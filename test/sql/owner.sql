--
-- A database's owner who is no superuser installs the extension, creates the
-- store and owns it.
--
SELECT current_database() AS regress_database \gset
CREATE ROLE regress_owner;
CREATE ROLE regress_owner_reader;
CREATE ROLE regress_owner_writer;
CREATE ROLE regress_other;
CREATE DATABASE regression_event_store_owner OWNER regress_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
\c regression_event_store_owner
SET SESSION AUTHORIZATION regress_other;
CREATE EXTENSION event_store;
\echo :LAST_ERROR_SQLSTATE
SET SESSION AUTHORIZATION regress_owner;
SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER;
CREATE EXTENSION event_store;
SELECT e.extowner::regrole FROM pg_extension e WHERE e.extname = 'event_store';
SELECT event_store.append('owner-1', 'T', '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.grant_reader('regress_owner_reader');
\echo :LAST_ERROR_SQLSTATE

-- Nobody else may create it, not even with EXECUTE.
RESET SESSION AUTHORIZATION;
GRANT USAGE, CREATE ON SCHEMA event_store TO regress_other;
GRANT EXECUTE ON FUNCTION event_store.create_store(boolean, boolean), event_store.drop_store, event_store.grant_reader TO regress_other;
SET SESSION AUTHORIZATION regress_other;
SELECT event_store.create_store();
\echo :LAST_ERROR_SQLSTATE

SET SESSION AUTHORIZATION regress_owner;
SELECT event_store.create_store();
SELECT c.relkind, c.relname, c.relowner::regrole
  FROM pg_class c
 WHERE c.relnamespace = 'event_store'::regnamespace AND c.relkind IN ('r', 'v', 'S')
 ORDER BY c.relname COLLATE "C";
SELECT event_store.create_store();
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.create_store(if_not_exists => true);

-- The owner does all that there is.
SELECT version FROM event_store.append('owner-1', 'T', '{}', event_store.no_stream());
SELECT version FROM event_store.append_events('owner-1', ARRAY[event_store.new_event('T', '{}')], 1);
SELECT version FROM event_store.append_json('owner-1', '[{"type": "T", "data": {}}]');
SELECT version FROM event_store.append_streams('[{"stream": "owner-1", "expected_version": 3}]');
SELECT version, recorded_by FROM event_store.read_stream('owner-1');
SELECT count(*) FROM event_store.read_all();
SELECT count(*) FROM event_store.read_category('owner');
SELECT event_store.stream_version('owner-1'), event_store.safe_position();
SELECT event_store.save_snapshot('owner-1', 2, '{}');
SELECT version FROM event_store.latest_snapshot('owner-1');
SELECT stream FROM event_store.list_streams();
SELECT version FROM event_store.last_event('owner-1');
SELECT count(*) FROM event_store.all_events;
SELECT count(*) FROM event_store.events;
SELECT event_store.lock_store();
SELECT event_store.grant_reader('regress_owner_reader'), event_store.grant_writer('regress_owner_writer');
CREATE TABLE event_store.regress_mine ();
DROP TABLE event_store.regress_mine;

-- But for changing what is stored.
INSERT INTO event_store.events VALUES (1);
\echo :LAST_ERROR_SQLSTATE
UPDATE event_store.events SET data = '{}';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM event_store.streams;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE event_store.categories;
\echo :LAST_ERROR_SQLSTATE
SET session_replication_role = replica;
\echo :LAST_ERROR_SQLSTATE

-- The owner's columns and triggers work, and run as whom the session is.
ALTER TABLE event_store.events ADD COLUMN regress_user text DEFAULT CURRENT_USER;
SET SESSION AUTHORIZATION regress_owner_writer;
SELECT version FROM event_store.append('owner-1', 'T', '{}', 3);
SELECT event_store.save_snapshot('owner-1', 3, '"a writer''s"');
SELECT * FROM event_store.read_stream('owner-1');
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.drop_store();
\echo :LAST_ERROR_SQLSTATE
SET SESSION AUTHORIZATION regress_owner_reader;
SELECT version, recorded_by FROM event_store.read_stream('owner-1', 3);
SELECT state FROM event_store.latest_snapshot('owner-1');
SELECT event_store.append('owner-1', 'T', '{}');
\echo :LAST_ERROR_SQLSTATE
SET SESSION AUTHORIZATION regress_owner;
SELECT version, regress_user FROM event_store.events ORDER BY version;

-- Who may call but does not own is refused.
SET SESSION AUTHORIZATION regress_other;
SELECT event_store.create_store(if_not_exists => true);
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.drop_store(with_events => true);
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.grant_reader('regress_other');
\echo :LAST_ERROR_SQLSTATE
SET SESSION AUTHORIZATION regress_owner;
SELECT event_store.grant_reader('regress_none');
\echo :LAST_ERROR_SQLSTATE

-- A superuser may call all of it, too, and take back what the owner gave.
RESET SESSION AUTHORIZATION;
SELECT event_store.create_store(if_not_exists => true);
SELECT version FROM event_store.append('owner-1', 'T', '{}', 4);
SELECT event_store.revoke_writer('regress_owner_writer');
SELECT event_store.revoke_reader('regress_owner_reader');
SELECT has_function_privilege('regress_owner_reader', 'event_store.stream_version(text)', 'EXECUTE') AS read,
	   has_function_privilege('regress_owner_writer', 'event_store.lock_store()', 'EXECUTE') AS write;
-- and the other way round
SELECT event_store.grant_writer('regress_owner_writer');
SELECT event_store.grant_reader('regress_owner_reader');
SET SESSION AUTHORIZATION regress_owner;
SELECT event_store.revoke_writer('regress_owner_writer');
SELECT event_store.revoke_reader('regress_owner_reader');
SELECT has_function_privilege('regress_owner_reader', 'event_store.stream_version(text)', 'EXECUTE') AS read,
	   has_function_privilege('regress_owner_writer', 'event_store.lock_store()', 'EXECUTE') AS write;
SELECT has_schema_privilege('regress_owner_reader', 'event_store', 'USAGE') AS read,
	   has_schema_privilege('regress_owner_writer', 'event_store', 'USAGE') AS write;

-- The store stands in the way of DROP EXTENSION; then all goes.
\set VERBOSITY terse
DROP EXTENSION event_store;
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.drop_store();
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.drop_store(with_events => true);
DROP EXTENSION event_store;
SELECT count(*) FROM pg_namespace WHERE nspname = 'event_store';

RESET SESSION AUTHORIZATION;
\c :regress_database
DROP DATABASE regression_event_store_owner;
DROP ROLE regress_owner, regress_owner_reader, regress_owner_writer, regress_other;
