--
-- stream_version(): the version of a stream's last event.
--
SELECT event_store.stream_version('stream_version-1');
SELECT version FROM event_store.append('stream_version-1', 'T', '{}');
SELECT event_store.stream_version(stream => 'stream_version-1');
SELECT event_store.stream_version('stream_version'), event_store.stream_version('stream_version-'), event_store.stream_version('Stream_version-1');
\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT event_store.stream_version(NULL)$$);
SELECT regress_help.refused($$SELECT event_store.stream_version('')$$);
SELECT regress_help.refused($$SELECT event_store.stream_version('-1')$$);
SELECT regress_help.refused($$SELECT event_store.stream_version(1)$$);
\pset tuples_only off
\pset format aligned

-- As the query sees it: its own transaction's appends, but not those of the
-- same statement.
BEGIN;
SELECT version FROM event_store.append('stream_version-1', 'T', '{}');
SELECT event_store.stream_version('stream_version-1');
SAVEPOINT s;
SELECT version FROM event_store.append('stream_version-1', 'T', '{}');
SELECT event_store.stream_version('stream_version-1');
ROLLBACK TO SAVEPOINT s;
SELECT event_store.stream_version('stream_version-1');
ROLLBACK;
SELECT event_store.stream_version('stream_version-1');
SELECT (event_store.append('stream_version-1', 'T', '{}')).version, event_store.stream_version('stream_version-1');
SELECT event_store.stream_version('stream_version-1');
BEGIN READ ONLY;
SELECT event_store.stream_version('stream_version-1');
COMMIT;

-- base_version, which archiving will raise, is a stream's version where its
-- events are gone: versions are never used twice.
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE event_store.streams SET base_version = 7 WHERE stream = 'stream_version-1';
SET LOCAL session_replication_role = origin;
SELECT event_store.stream_version('stream_version-1');
SELECT version FROM event_store.append('stream_version-1', 'T', '{}', 7);
SELECT stream, version FROM event_store.list_streams('stream_version');
ROLLBACK;

-- In an expression that PostgreSQL compiles, and inlines what it finds bitcode of.
SET jit = on;
SET jit_above_cost = 0;
SET jit_inline_above_cost = 0;
SET jit_optimize_above_cost = 0;
SELECT event_store.stream_version('stream_version-' || n) > 0 AS exists, event_store.safe_position() > 0 AS stored FROM generate_series(0, 1) n ORDER BY n;
RESET jit;
RESET jit_above_cost;
RESET jit_inline_above_cost;
RESET jit_optimize_above_cost;
