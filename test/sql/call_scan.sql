--
-- Calls in FROM are run row by row, and tell the same as ever.
--

-- The library is there before the first query is planned.
LOAD '$libdir/event_store';

-- The node that a query runs a call by, and how many rows that gave.
CREATE FUNCTION regress_help.call_node(query text, OUT node text, OUT rows int) LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) ' || query INTO plan;
	SELECT n ->> 'Node Type', (n ->> 'Actual Rows')::numeric
	  INTO node, rows
	  FROM jsonb_path_query(plan, '$.** ? (@."Node Type" == "Custom Scan" || @."Node Type" == "Function Scan")') n;
END $$;
CREATE VIEW regress_help.call_streams AS
SELECT stream, version FROM event_store.list_streams('call') ORDER BY stream;

-- Which calls are.
SELECT query, n.*
  FROM unnest(ARRAY[
	$$SELECT * FROM event_store.append('call-1', 'T', '{"n": 1}')$$,
	$$SELECT * FROM event_store.append_events('call-1', ARRAY[event_store.new_event('T', '{"n": 2}')])$$,
	$$SELECT * FROM event_store.append_json('call-1', '[{"type": "U", "data": {"n": 3}}]')$$,
	$$SELECT * FROM event_store.read_stream('call-1')$$,
	$$SELECT * FROM event_store.last_event('call-1', 'T')$$,
	$$SELECT * FROM event_store.read_category('call')$$,
	$$SELECT * FROM event_store.read_all()$$]) query, regress_help.call_node(query) n;
EXPLAIN (VERBOSE, COSTS OFF)
SELECT version + 1, type FROM event_store.read_stream('call-1') WHERE data ->> 'n' = '2' ORDER BY version;

-- Which are not: PostgreSQL may want the row again, or more than the call.
SELECT query, (regress_help.call_node(query)).node
  FROM unnest(ARRAY[
	$$SELECT * FROM event_store.read_stream('call-1') WITH ORDINALITY$$,
	$$SELECT * FROM ROWS FROM (event_store.read_stream('call-1'), generate_series(1, 2))$$,
	$$SELECT * FROM event_store.read_stream(CASE WHEN 1 = ANY (SELECT count(*) FROM pg_database WHERE oid = 1) THEN 'call-1' END)$$]) query;
CREATE TABLE regress_help.looked (i bigint);
INSERT INTO regress_help.looked VALUES (1), (2);
SELECT query, (regress_help.call_node(query)).node
  FROM unnest(ARRAY[
	$$SELECT t.i FROM regress_help.looked t, event_store.read_stream('call-1') FOR UPDATE OF t$$,
	$$UPDATE regress_help.looked t SET i = e.version FROM event_store.read_stream('call-1') e WHERE e.version = t.i$$,
	$$DELETE FROM regress_help.looked t USING event_store.read_stream('call-1') e WHERE e.version = t.i AND e.type = 'None'$$,
	$$UPDATE regress_help.looked SET i = i + (SELECT max(version) - 3 FROM event_store.read_stream('call-1'))$$,
	$$INSERT INTO regress_help.looked SELECT version FROM event_store.read_stream('call-1') WHERE version = 3$$]) query;
SELECT * FROM regress_help.looked ORDER BY i;

-- The same rows as from the function itself, whole and in parts.
SELECT count(*) FROM event_store.read_stream('call-1');
SELECT count(*) FROM event_store.read_all(backwards => true, max_count => 2);
SELECT type, stream FROM event_store.read_stream('call-1', 2);
SELECT stream, recorded_by = current_user AS by_me, data, hash FROM event_store.read_category('call', types => '{U}');
SELECT count(*) AS different
  FROM (SELECT e FROM event_store.read_all() e) a (e)
  FULL JOIN (SELECT event_store.read_all() AS e) b ON a.e = b.e
 WHERE a.e IS NULL OR b.e IS NULL;
SELECT e.version, (e).type, to_jsonb(e) ->> 'stream' AS stream, to_jsonb(e) -> 'data' AS data
  FROM event_store.read_stream('call-1') e WHERE e IS NOT NULL OR (e).hash IS NULL;
SELECT a, a.version, to_jsonb(a) ->> 'version' AS again FROM event_store.append('call-whole', 'T', '{}') a (version, "position")
 WHERE a."position" > 0 \gset
SELECT :'a' LIKE '(1,%)' AS whole, :version, :again;

-- No more is read than is asked for, and an append is made all the same.
SELECT (regress_help.call_node('SELECT * FROM (SELECT version FROM event_store.read_all(max_count => NULL) LIMIT 2) e')).rows;
SELECT (regress_help.call_node('SELECT EXISTS (SELECT FROM event_store.read_stream(''call-1''))')).rows;
SELECT version FROM event_store.append('call-limit', 'T', '{}') LIMIT 1;
SELECT version FROM event_store.append('call-limit', 'T', '{}') WHERE version > 100;
SELECT version FROM event_store.append('call-limit', 'T', '{}') WHERE false;

-- A relation that is known to be empty is not run.
SET constraint_exclusion = on;
SELECT * FROM event_store.append('call-empty', 'T', '{}') a WHERE a.version > 5 AND a.version < 2;
SELECT * FROM event_store.append('call-empty', 'T', '{}') a WHERE a.version IS NULL AND a.version IS NOT NULL;
RESET constraint_exclusion;
EXPLAIN (COSTS OFF)
SELECT * FROM event_store.append('call-empty', 'T', '{}') WHERE false
UNION ALL
SELECT * FROM event_store.append('call-empty', 'T', '{}') WHERE version > 0;
SELECT event_store.stream_version('call-empty');

-- Another function of the same code whose rows have no named type.
CREATE FUNCTION regress_help.call_append(stream text, type text, data jsonb, expected_version bigint, metadata jsonb,
										 event_id uuid, schema_version int, OUT version bigint, OUT "position" bigint)
LANGUAGE C AS '$libdir/event_store', 'event_store_append';
SELECT a.version, a IS NULL AS none
  FROM regress_help.call_append('call-record', 'T', '{}', -2, NULL, NULL, 1) a;
DROP FUNCTION regress_help.call_append;

-- Scans that are begun anew again and again leave nothing behind: with other
-- arguments, and rewound.
SELECT max(used) - min(used) < 100000 AS flat, sum(n) AS events
  FROM (SELECT (SELECT count(*) FROM event_store.read_stream('call-' || g % 2, 2)) AS n,
			   CASE WHEN g IN (5000, 20000)
					THEN (SELECT sum(used_bytes) FROM pg_backend_memory_contexts
						   WHERE name IN ('ExecutorState', 'ExprContext', 'event_store call') AND g > 0) END AS used
		  FROM generate_series(1, 20000) g) t;

SET enable_material = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT max(used) - min(used) < 100000 AS flat, sum(version) AS versions
  FROM (SELECT g, e.version,
			   CASE WHEN g IN (5000, 20000)
					THEN (SELECT sum(used_bytes) FROM pg_backend_memory_contexts
						   WHERE name IN ('ExecutorState', 'ExprContext', 'event_store call') AND g > 0) END AS used
		  FROM generate_series(1, 20000) g LEFT JOIN event_store.read_category('call', max_count => 1) e ON e.version < g + 1) t;
SELECT g, count(e.version) FROM (VALUES (1), (2), (3)) v (g) LEFT JOIN event_store.read_all(categories => '{call,none}', types => '{T,U}', max_count => 4) e ON e.version <> g GROUP BY g ORDER BY g;
SELECT g, count(e.version) FROM (VALUES (1), (2)) v (g) LEFT JOIN event_store.read_all(max_count => 0) e ON e.version <> g GROUP BY g ORDER BY g;
SELECT g, count(e.version) FROM (VALUES (1), (2)) v (g) LEFT JOIN event_store.read_stream('call-none') e ON e.version <> g GROUP BY g ORDER BY g;
RESET enable_material;
RESET enable_hashjoin;
RESET enable_mergejoin;

-- Once, however often the row is wanted, and again for other arguments.
SET enable_material = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT (regress_help.call_node('SELECT * FROM (VALUES (1), (2), (3)) v (g) LEFT JOIN event_store.append(''call-once'', ''T'', ''{}'') a ON a.version < g')).node;
SELECT g, a.version FROM (VALUES (1), (2), (3)) v (g) LEFT JOIN event_store.append('call-once', 'T', '{}') a ON a.version <= g ORDER BY g;
SELECT g, a.version FROM (VALUES (1), (2), (3)) v (g), event_store.append('call-once-' || g % 2, 'T', '{}') a ORDER BY g;
SELECT g, count(e.version), sum(e.version) FROM (VALUES (1), (2), (3)) v (g) LEFT JOIN event_store.read_all(max_count => 3) e ON e.version <= g GROUP BY g ORDER BY g;
SELECT g, e.version, e.stream FROM (VALUES (1), (3), (9)) v (g), event_store.read_stream('call-1', g, 1) e ORDER BY g;
SELECT g, (SELECT sum(version) FROM event_store.read_stream('call-1', to_version => g)) FROM generate_series(0, 3) g;
SELECT g, (SELECT type FROM event_store.last_event(stream)) FROM (VALUES (1, 'call-1'), (2, 'call-none'), (3, 'call-once')) v (g, stream);
RESET enable_material;
RESET enable_hashjoin;
RESET enable_mergejoin;
WITH a AS (SELECT * FROM event_store.append('call-once', 'T', '{}')) SELECT a.version, b.version FROM a, a b;
SELECT * FROM regress_help.call_streams;

-- Queries as arguments, and more than one call.
SELECT (regress_help.call_node('SELECT * FROM event_store.read_stream((SELECT ''call-1''))')).*;
SELECT g, (SELECT count(*) FROM event_store.read_stream((SELECT 'call-' || g))) FROM generate_series(0, 2) g;
SELECT stream, version FROM event_store.read_stream('call-1', 1, 1) UNION ALL SELECT stream, version FROM event_store.read_stream('call-once', 1, 1);
SELECT a.version, b.version, c.version
  FROM event_store.read_stream('call-1', 2, 1) a, event_store.last_event('call-1') b, event_store.append('call-three', 'T', to_jsonb(b.version)) c;
WITH a AS (SELECT * FROM event_store.append('call-three', 'T', '{}')),
	 u AS (UPDATE regress_help.looked SET i = a.version FROM a RETURNING i)
SELECT count(*), min(i), max(i) FROM u;

-- Calls are counted.
BEGIN;
SET LOCAL track_functions = 'all';
SELECT version FROM event_store.append('call-counted', 'T', '{}');
SELECT version FROM event_store.append('call-counted', 'T', '{}');
SELECT count(*) FROM event_store.read_stream('call-counted');
SELECT proname, pg_stat_get_xact_function_calls(oid) AS calls FROM pg_proc
 WHERE oid IN ('event_store.append'::regproc, 'event_store.read_stream'::regproc) ORDER BY proname;
COMMIT;

-- Plans that are kept, with parameters.
PREPARE call_append (text, jsonb) AS SELECT version FROM event_store.append($1, 'T', $2);
SELECT count(regress_help.run(format('EXECUTE call_append(%L, ''{}'')', 'call-plan-' || n % 2))) FROM generate_series(1, 8) n;
PREPARE call_read (text, bigint) AS SELECT version FROM event_store.read_stream($1, $2);
EXECUTE call_read('call-plan-0', 3);
EXECUTE call_read('call-plan-1', 4);
EXECUTE call_read('call-plan-1', 5);

-- Parameters that a plan leaves open: of a client, of a function in SQL, of PL/pgSQL.
SET plan_cache_mode = force_generic_plan;
EXECUTE call_read('call-plan-1', 4);
EXECUTE call_read('call-plan-1', NULL);
EXECUTE call_read(NULL, 1);
CREATE FUNCTION regress_help.call_sql(text, bigint) RETURNS SETOF bigint VOLATILE
	SET work_mem = '4MB' LANGUAGE sql AS 'SELECT version FROM event_store.read_stream($1, $2)';
CREATE FUNCTION regress_help.call_plpgsql(name text, after bigint) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN after .. after + 1 LOOP
		RETURN QUERY SELECT version FROM event_store.read_stream(name, i);
	END LOOP;
END $$;
SELECT regress_help.call_sql('call-plan-1', n) FROM generate_series(3, 4) n;
SELECT regress_help.call_plpgsql('call-plan-1', 3);
-- $1 and the executor's parameter of the same number are two.
PREPARE call_once (text) AS SELECT (SELECT count(*) FROM event_store.append($1, 'T', '{}') a WHERE a.version > v.g AND a.version > v.h)
	FROM (VALUES (0, 0), (1, 1), (2, 2)) v (g, h);
EXECUTE call_once('call-plan-once');
SELECT event_store.stream_version('call-plan-once');
PREPARE call_lateral (varchar) AS SELECT after, version FROM generate_series(2, 4) after, event_store.read_stream($1, after);
EXECUTE call_lateral('call-plan-1');
SELECT (regress_help.call_node('EXECUTE call_read(''call-plan-1'', 4)')).*;
RESET plan_cache_mode;

-- A plan is made anew when the function is altered, and asks who may call.
SELECT (regress_help.call_node('EXECUTE call_append(''call-plan-2'', ''{}'')')).node;
ALTER FUNCTION event_store.append SET work_mem = '1MB';
SELECT (regress_help.call_node('EXECUTE call_append(''call-plan-2'', ''{}'')')).node;
ALTER FUNCTION event_store.append RESET work_mem;
ALTER FUNCTION event_store.append STRICT;
SELECT (regress_help.call_node('EXECUTE call_append(''call-plan-2'', ''{}'')')).node;
ALTER FUNCTION event_store.append CALLED ON NULL INPUT;
SELECT (regress_help.call_node('EXECUTE call_append(''call-plan-2'', ''{}'')')).node;
CREATE ROLE regress_call;
GRANT USAGE ON SCHEMA event_store TO regress_call;
SET ROLE regress_call;
EXECUTE call_append('call-plan-2', '{}');
EXECUTE call_read('call-plan-2', 1);
EXPLAIN SELECT * FROM event_store.read_all();
RESET ROLE;
EXECUTE call_append('call-plan-2', '{}');

-- Cursors: what is appended after they were opened, they do not show.
BEGIN;
DECLARE forwards CURSOR FOR SELECT version FROM event_store.read_stream('call-1');
DECLARE scrolling SCROLL CURSOR FOR SELECT version FROM event_store.read_stream('call-1');
DECLARE holding CURSOR WITH HOLD FOR SELECT version FROM event_store.read_all() WHERE stream = 'call-1';
DECLARE whole CURSOR FOR SELECT count(*) FROM event_store.read_all() WHERE stream = 'call-1';
FETCH forwards;
FETCH holding;
SELECT version FROM event_store.append('call-1', 'T', '{}');
SAVEPOINT s;
FETCH forwards;
SELECT version FROM event_store.append('call-1', 'T', '{}');
FETCH ALL holding;
FETCH whole;
FETCH scrolling;
ROLLBACK TO s;
FETCH ALL forwards;
FETCH ALL scrolling;
FETCH BACKWARD ALL scrolling;
SELECT version FROM event_store.append('call-1', 'T', '{}');
COMMIT;
FETCH ALL holding;
CLOSE holding;

-- A cursor that is first fetched from after a savepoint has its rows when what they
-- were read by, made since then, is taken back: an index, and a store.
BEGIN;
DECLARE kept CURSOR FOR SELECT type, version, to_jsonb(e) -> 'data' AS data FROM event_store.read_all(types => '{T}', max_count => NULL) e WHERE stream = 'call-1';
SAVEPOINT s;
CREATE INDEX regress_type ON event_store.events (type, global_position);
FETCH 2 FROM kept;
ROLLBACK TO s;
FETCH ALL FROM kept;
DECLARE kept_empty CURSOR FOR SELECT count(*) FROM event_store.read_all(max_count => NULL) WHERE stream = 'call-1';
DECLARE kept_joined CURSOR FOR SELECT g, e.version FROM generate_series(1, 2) g, event_store.read_stream('call-1', g, 1) e;
SAVEPOINT s;
SELECT warehouse.drop_warehouse();
SELECT event_store.drop_store(with_events => true);
SELECT event_store.create_store();
SELECT version FROM event_store.append('call-1', 'T', '{}');
FETCH kept_joined;
ROLLBACK TO s;
FETCH ALL kept_joined;
FETCH kept_empty;
COMMIT;

-- Appends and reads in one statement, and in a loop over a read.
SELECT e.version, a.version
  FROM event_store.read_stream('call-1', 1, 2) e, event_store.append('call-loop', 'T', jsonb_build_object('version', e.version)) a;
DO $$
DECLARE
	event event_store.event;
BEGIN
	FOR event IN SELECT * FROM event_store.read_category('call') WHERE stream = 'call-loop' LOOP
		PERFORM event_store.append('call-loop', 'Copied', event.data);
	END LOOP;
END $$;
SELECT version, type, data FROM event_store.read_stream('call-loop');

-- A loop that commits, over large data.
SELECT version FROM event_store.append_json('call-large', (SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', repeat(md5(n::text), 1000))) FROM generate_series(1, 5) n));
DO $$
DECLARE
	event event_store.event;
	version bigint;
	total bigint := 0;
BEGIN
	FOR event IN SELECT * FROM event_store.read_stream('call-large') LOOP
		SELECT a.version INTO version FROM event_store.append('call-large', 'Seen', to_jsonb(length(event.data #>> '{}'))) a;
		total := total + length(event.data #>> '{}');
		COMMIT;
	END LOOP;
	RAISE NOTICE '% after %', total, version;
END $$;

-- An error in the middle of a read leaves the next one as it should be.
SELECT 1 / (version - 2) FROM event_store.read_stream('call-1');
DO $$
BEGIN
	PERFORM 1 / (version - 2) FROM event_store.read_all();
EXCEPTION WHEN division_by_zero THEN
	RAISE NOTICE 'caught';
END $$;
SELECT count(*) FROM event_store.read_stream('call-1');

-- The table cannot be altered under a read that is open, and no cursor goes
-- backwards that was not declared to.
BEGIN;
DECLARE open CURSOR FOR SELECT version FROM event_store.read_all();
FETCH open;
SAVEPOINT s;
ALTER TABLE event_store.events ADD COLUMN regress_column int;
ROLLBACK TO s;
FETCH BACKWARD open;
ROLLBACK;

-- The last version that there is.
SET session_replication_role = replica;
SELECT version FROM event_store.append('call-last', 'T', '{}');
DELETE FROM event_store.events WHERE stream_id = (SELECT stream_id FROM event_store.streams WHERE stream = 'call-last');
UPDATE event_store.streams SET base_version = 9223372036854775805 WHERE stream = 'call-last';
RESET session_replication_role;
SELECT version FROM event_store.append('call-last', 'T', '{}');
SELECT version FROM event_store.append('call-last', 'T', '{}');
SELECT event_store.stream_version('call-last'), version FROM event_store.last_event('call-last');
SELECT regress_help.run($$SELECT event_store.append('call-last', 'T', '{}')$$);
SELECT split_part(regress_help.run($$SELECT event_store.append('call-last', 'T', '{}', 9223372036854775806)$$), ' | ', 1);

DROP VIEW regress_help.call_streams;
DROP TABLE regress_help.looked;
REVOKE USAGE ON SCHEMA event_store FROM regress_call;
DROP ROLE regress_call;
SELECT * FROM event_store.verify_store();
