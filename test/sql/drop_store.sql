--
-- drop_store(), and a store made anew in the same session.
--
SELECT current_database() AS regress_database \gset
CREATE DATABASE regression_event_store_drop TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
\c regression_event_store_drop
CREATE EXTENSION event_store;
SELECT event_store.drop_store();
\echo :LAST_ERROR_SQLSTATE

-- An empty store goes.
SELECT event_store.create_store();
SELECT event_store.drop_store();
SELECT count(*) FROM pg_class WHERE relnamespace = 'event_store'::regnamespace AND relkind = 'r';
SELECT event_store.stream_version('a-1');
\echo :LAST_ERROR_SQLSTATE

-- One with events only when that is said.
SELECT event_store.create_store();
SELECT version FROM event_store.append_json('a-1', '[{"type": "T", "data": 1}, {"type": "T", "data": 2}]');
SELECT event_store.save_snapshot('a-1', 2, '{}');
SELECT event_store.safe_position();
SELECT event_store.drop_store();
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.drop_store(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.drop_store(with_events => false);
\echo :LAST_ERROR_SQLSTATE
BEGIN READ ONLY;
SELECT event_store.drop_store(with_events => true);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- rolled back, it is there as before
BEGIN;
SELECT event_store.drop_store(with_events => true);
SELECT event_store.stream_version('a-1');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT event_store.drop_store(with_events => true);
SELECT event_store.create_store();
SELECT event_store.safe_position();
SELECT version, global_position FROM event_store.append('b-1', 'T', '3');
ROLLBACK TO SAVEPOINT s;
SELECT version, data FROM event_store.read_stream('a-1');
SELECT event_store.safe_position();
COMMIT;
-- made anew in a transaction that has appended, it starts from the beginning
BEGIN;
SELECT version FROM event_store.append('a-1', 'T', '{}');
SELECT event_store.drop_store(with_events => true);
SELECT event_store.create_store();
SELECT version, global_position FROM event_store.append('b-1', 'T', '3');
SELECT global_position, stream FROM event_store.read_all();
ROLLBACK;
-- one that is damaged can still be dropped
BEGIN;
ALTER TABLE event_store.events DROP CONSTRAINT events_event_id_key;
SELECT event_store.drop_store(with_events => true);
ROLLBACK;
-- what others made on it stands in the way
CREATE VIEW regress_view AS SELECT count(*) FROM event_store.all_events;
\set VERBOSITY terse
SELECT event_store.drop_store(with_events => true);
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE
DROP VIEW regress_view;
SELECT event_store.drop_store(with_events => true);
SELECT count(*) FROM pg_class WHERE relnamespace = 'event_store'::regnamespace AND relkind IN ('r', 'S', 'i');
SELECT * FROM event_store.read_all();
\echo :LAST_ERROR_SQLSTATE

-- A new one begins anew: positions, streams, ids, snapshots.
SELECT event_store.create_store(type_index => true);
SELECT event_store.safe_position();
SELECT count(*) FROM event_store.read_all();
SELECT version, global_position FROM event_store.append('a-1', 'T', '4', 0);
SELECT event_store.safe_position();
SELECT version, data FROM event_store.read_all();
SELECT count(*) FROM event_store.latest_snapshot('a-1');
SELECT event_store.save_snapshot('a-1', 1, '{}');
SELECT event_store.drop_store(true);

-- The extension goes and comes back in the same session, too.
DROP EXTENSION event_store;
SELECT count(*) FROM pg_namespace WHERE nspname = 'event_store';
CREATE EXTENSION event_store;
SELECT event_store.append('a-1', 'T', '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.create_store();
SELECT version, global_position FROM event_store.append('a-1', 'T', '5');
SELECT event_store.save_snapshot('a-1', 1, '{}');
SELECT version, data FROM event_store.read_all();

-- DROP EXTENSION is refused while a store stands; CASCADE takes all of it.
\set VERBOSITY terse
DROP EXTENSION event_store;
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EXTENSION event_store CASCADE;
SELECT to_regclass('event_store.events') AS events;
ROLLBACK;
\set VERBOSITY default
SELECT version, data FROM event_store.read_all();

\c :regress_database
DROP DATABASE regression_event_store_drop;
