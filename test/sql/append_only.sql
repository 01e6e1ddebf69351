--
-- Append-only: what is stored is never changed or removed, and rows are added
-- by the calls alone.  These tests run as the owner, who is a superuser.
--
SELECT version FROM event_store.append_json('append_only-1', '[{"type": "T", "data": 1}, {"type": "T", "data": 2}]');

UPDATE event_store.events SET data = '3' WHERE data = '1';
\echo :LAST_ERROR_SQLSTATE
\pset format unaligned
\pset tuples_only on
-- rows or no rows
SELECT regress_help.refused('UPDATE event_store.events SET data = data WHERE false');
SELECT regress_help.refused('UPDATE event_store.streams SET base_version = 5');
SELECT regress_help.refused('UPDATE event_store.categories SET category = ''x'' WHERE category = ''append_only''');
SELECT regress_help.refused('DELETE FROM event_store.events');
SELECT regress_help.refused('DELETE FROM event_store.streams WHERE stream = ''append_only-1''');
SELECT regress_help.refused('DELETE FROM event_store.categories WHERE false');
SELECT regress_help.refused('WITH d AS (DELETE FROM event_store.events RETURNING *) SELECT count(*) FROM d');
SELECT regress_help.refused('TRUNCATE event_store.events');
SELECT regress_help.refused('TRUNCATE event_store.streams');
SELECT regress_help.refused('TRUNCATE event_store.categories');
SELECT regress_help.refused('TRUNCATE event_store.events, event_store.streams, event_store.categories RESTART IDENTITY CASCADE');

-- INSERT in all its forms
SELECT regress_help.refused('INSERT INTO event_store.events VALUES (1, 1, 1, 1, now(), 1, gen_random_uuid(), ''T'', ''{}'', ''{}'')');
SELECT regress_help.refused('INSERT INTO event_store.events SELECT * FROM event_store.events LIMIT 1');
SELECT regress_help.refused('INSERT INTO event_store.events (global_position) VALUES (1), (2)');
SELECT regress_help.refused('INSERT INTO event_store.streams VALUES (1, 1, 0, now(), ''a-1'')');
SELECT regress_help.refused('INSERT INTO event_store.categories VALUES (1, ''a'')');
SELECT split_part(regress_help.refused('WITH i AS (INSERT INTO event_store.categories VALUES (1, ''a'')) SELECT 1'), ':', 1);
-- some of which PostgreSQL refuses by itself on a table with a rule
SELECT split_part(regress_help.refused('INSERT INTO event_store.categories VALUES (1, ''a'') RETURNING *'), ':', 1);
SELECT split_part(regress_help.refused('INSERT INTO event_store.categories VALUES (1, ''a'') ON CONFLICT DO NOTHING'), ':', 1);
SELECT split_part(regress_help.refused('MERGE INTO event_store.categories c USING (VALUES (1)) v(i) ON c.category_id = v.i WHEN NOT MATCHED THEN INSERT VALUES (v.i, ''a'')'), ':', 1);
SELECT split_part(regress_help.refused('MERGE INTO event_store.events e USING (VALUES (1)) v(i) ON true WHEN MATCHED THEN DELETE'), ':', 1);
SELECT split_part(regress_help.refused('MERGE INTO event_store.streams s USING (VALUES (1)) v(i) ON true WHEN MATCHED THEN UPDATE SET stream = ''x'''), ':', 1);
-- and through the view
SELECT split_part(regress_help.refused('INSERT INTO event_store.all_events (stream) VALUES (''a-1'')'), ':', 1);
SELECT split_part(regress_help.refused('UPDATE event_store.all_events SET data = ''3'''), ':', 1);
SELECT split_part(regress_help.refused('DELETE FROM event_store.all_events'), ':', 1);
\pset tuples_only off
\pset format aligned
INSERT INTO event_store.events VALUES (1);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO event_store.streams VALUES (1, 1, 0, now(), 'append_only-x');
\echo :LAST_ERROR_SQLSTATE
TRUNCATE event_store.events;
\echo :LAST_ERROR_SQLSTATE
SELECT version, data FROM event_store.read_stream('append_only-1');

-- The guards called by hand.
SELECT event_store.refuse_insert();
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.refuse_change();
\echo :LAST_ERROR_SQLSTATE

-- An owner who is no superuser is refused just so, and cannot turn the switch.
CREATE ROLE regress_append_only;
BEGIN;
GRANT USAGE ON SCHEMA event_store TO regress_append_only;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA event_store TO regress_append_only;
ALTER TABLE event_store.events OWNER TO regress_append_only;
SET LOCAL ROLE regress_append_only;
SAVEPOINT s;
UPDATE event_store.events SET data = '3';
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO SAVEPOINT s;
DELETE FROM event_store.events;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO SAVEPOINT s;
TRUNCATE event_store.events;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO SAVEPOINT s;
INSERT INTO event_store.events VALUES (1);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO SAVEPOINT s;
SET session_replication_role = replica;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
DROP ROLE regress_append_only;

-- A superuser's switch for repairs, used here for what is rolled back.
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE event_store.events e SET data = '3'
  FROM event_store.streams s WHERE s.stream_id = e.stream_id AND s.stream = 'append_only-1' AND e.version = 1;
SELECT version, data FROM event_store.read_stream('append_only-1');
DELETE FROM event_store.events e USING event_store.streams s
 WHERE s.stream_id = e.stream_id AND s.stream = 'append_only-1' AND e.version = 2;
SELECT event_store.stream_version('append_only-1');
INSERT INTO event_store.categories VALUES (0, 'append_only_inserted');
SELECT category FROM event_store.categories WHERE category_id = 0;
SET LOCAL session_replication_role = origin;
SAVEPOINT s;
DELETE FROM event_store.events;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- as a logical replication worker writes
BEGIN;
SET LOCAL session_replication_role = replica;
TRUNCATE event_store.events, event_store.streams, event_store.categories;
SELECT count(*) FROM event_store.all_events;
ROLLBACK;

-- COPY, which restores use, passes.
BEGIN;
COPY event_store.categories FROM stdin;
0	append_only_copied
\.
SELECT category FROM event_store.categories WHERE category_id = 0;
ROLLBACK;
SELECT version, data FROM event_store.read_stream('append_only-1');

-- What guards the tables, and is put back where it went missing.
BEGIN;
DROP RULE append_only ON event_store.events;
DROP TRIGGER append_only ON event_store.streams;
SELECT event_store.create_store(if_not_exists => true);
SAVEPOINT s;
INSERT INTO event_store.events VALUES (1);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO SAVEPOINT s;
DELETE FROM event_store.streams;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT tablename, rulename FROM pg_rules WHERE schemaname = 'event_store' ORDER BY 1, 2;
SELECT c.relname, t.tgname, t.tgenabled
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'event_store'::regnamespace AND t.tgname = 'append_only'
 ORDER BY c.relname COLLATE "C";
